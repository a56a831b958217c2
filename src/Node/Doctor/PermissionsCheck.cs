using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Doctor;

/// <summary>Nobody but the owner may read the secrets.</summary>
internal sealed class PermissionsCheck : IDoctorCheck
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Name => "permissions";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data, repair));

    private static Finding Check(DataDirectory data, bool repair)
    {
        if (OperatingSystem.IsWindows())
        {
            return Finding.Ok("not looked at on Windows");
        }

        string[] secrets = [data.IdentityFile, data.MeshKeyFile, data.TokenFile];
        string[] open = [.. secrets.Where(IsOpen)];
        string names = string.Join(", ", open.Select(Path.GetFileName));
        if (open.Length == 0)
        {
            return Finding.Ok("secrets are the owner's alone");
        }

        if (!repair)
        {
            return Finding.Problem($"others may read or write {names}", "chmod 600, or --repair");
        }

        foreach (string file in open)
        {
            File.SetUnixFileMode(file, OwnerOnly);
        }

        return Finding.Repaired($"{names}: now the owner's alone; others may have read them");
    }

    private static bool IsOpen(string file) =>
        !OperatingSystem.IsWindows() && File.Exists(file) && (File.GetUnixFileMode(file) & ~OwnerOnly) != 0;
}
