using P2PLearn.Networking.Identity;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Doctor;

/// <summary>The node's key reads. It is never put aside by itself: without it the node is another peer.</summary>
internal sealed class IdentityCheck : IDoctorCheck
{
    public string Name => "identity.key";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data.IdentityFile));

    private static Finding Check(string file)
    {
        if (!File.Exists(file))
        {
            return Finding.Note("not there", "put the backup back, or the next start makes a new one: another peer id");
        }

        byte[] bytes = DataDirectory.ReadSecret(file);
        bool reads = KeyPair.TryFromProtobuf(bytes, out KeyPair? key);
        Array.Clear(bytes);
        using (key)
        {
            return reads
                ? Finding.Ok($"peer id {key!.PeerId}")
                : Finding.Problem("damaged: not an Ed25519 private key", "put the backup back; or delete it, and the node gets a new peer id");
        }
    }
}
