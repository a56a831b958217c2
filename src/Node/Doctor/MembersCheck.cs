using System.Text;
using P2PLearn.Networking.Files;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Node.Doctor;

/// <summary>The list of members of an earlier life has one peer id a line.</summary>
internal sealed class MembersCheck : IDoctorCheck
{
    /// <summary>Longest file that is read, in bytes; the node keeps 64 peers of some 50.</summary>
    public const int MaxBytes = 1 << 20;

    public string Name => "members";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data.MembersFile, repair));

    private static Finding Check(string file, bool repair)
    {
        if (!File.Exists(file))
        {
            return Finding.Ok("none yet");
        }

        string[] lines = new FileInfo(file).Length <= MaxBytes ? File.ReadAllLines(file) : ["too long"];
        string[] peers = [.. lines.Where(l => PeerId.TryParse(l.Trim(), out _))];
        int bad = lines.Length - peers.Length;
        if (bad == 0)
        {
            return Finding.Ok($"{peers.Length} members of an earlier life");
        }

        if (!repair)
        {
            return Finding.Problem($"{bad} of {lines.Length} lines are no peer ids", "--repair keeps the others");
        }

        DurableFile.Replace(file, Encoding.ASCII.GetBytes(string.Concat(peers.Select(p => p.Trim() + "\n"))), ownerOnly: true);
        return Finding.Repaired($"{bad} of {lines.Length} lines were no peer ids; the others are kept");
    }
}
