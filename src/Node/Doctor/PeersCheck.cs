using P2PLearn.Networking.Discovery;

namespace P2PLearn.Node.Doctor;

/// <summary>The memory of where members were reached is whole.</summary>
internal sealed class PeersCheck : IDoctorCheck
{
    public string Name => "peers";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data.PeersFile, repair));

    private static Finding Check(string file, bool repair)
    {
        if (!File.Exists(file))
        {
            return Finding.Ok("none yet: the node starts from its seeds");
        }

        return PeerCache.FindFault(file, new PeerCacheOptions(), out int peers) is not { } fault
            ? Finding.Ok($"where {peers} members were last reached")
            : repair ? Finding.Repaired($"{fault}; kept as {PutAside.File(file)}, the node starts from its seeds and members")
            : Finding.Problem($"damaged: {fault}", "--repair puts it aside; the node then starts from its seeds");
    }
}
