using System.Text;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Doctor;

/// <summary>The token and port that local tools find the node by.</summary>
internal sealed class ManagementCheck : IDoctorCheck
{
    public string Name => "management";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data, repair));

    private static Finding Check(DataDirectory data, bool repair)
    {
        bool badToken = File.Exists(data.TokenFile) && !IsToken(Encoding.ASCII.GetString(DataDirectory.ReadSecret(data.TokenFile)).Trim());
        bool badPort = File.Exists(data.PortFile) && DataDirectory.ReadManagementHost(data.Root) is null;
        string what = string.Join(" and ", (string[])[.. badToken ? ["management.token"] : (string[])[], .. badPort ? ["management.port"] : (string[])[]]);
        if (what.Length == 0)
        {
            return Finding.Ok(File.Exists(data.TokenFile) ? "token and port read" : "none yet: made at the first start");
        }

        if (!repair)
        {
            return Finding.Problem($"{what} damaged", "--repair deletes them; the next start makes them anew");
        }

        foreach (string file in (string[])[.. badToken ? [data.TokenFile] : (string[])[], .. badPort ? [data.PortFile] : (string[])[]])
        {
            File.Delete(file);
        }

        return Finding.Repaired($"{what} deleted; the next start makes them anew");
    }

    private static bool IsToken(string text) => text.Length == DataDirectory.TokenLength && text.All(char.IsAsciiHexDigitLower);
}
