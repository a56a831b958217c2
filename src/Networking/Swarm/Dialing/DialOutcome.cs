using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>What became of one address.</summary>
/// <param name="Address">The address.</param>
/// <param name="Connection">The connection, up; null when it failed.</param>
/// <param name="Reason">Why it failed.</param>
/// <param name="Message">Why, for a person.</param>
/// <param name="Error">What was thrown.</param>
internal sealed record DialOutcome(
    Multiaddr Address, SwarmConnection? Connection, EndReason Reason, string Message, Exception? Error)
{
    /// <summary>The attempts in one line each, joined, and the most telling reason of all.</summary>
    public static PeerUnreachableException ToException(Identity.PeerId? peer, IReadOnlyList<DialOutcome> failures)
    {
        DialOutcome? telling = failures.MaxBy(f => Telling(f.Reason));
        string who = peer is null ? "the peer" : $"peer {peer}";
        string tried = failures.Count == 0
            ? "no address is known"
            : string.Join("; ", failures.Select(f => $"{f.Address}: {f.Message}"));
        return new PeerUnreachableException(
            peer, telling?.Reason ?? EndReason.LinkLost, $"cannot reach {who}: {tried}", telling?.Error);
    }

    // What the other side said tells more than silence, and silence less than a refusal to try.
    private static int Telling(EndReason reason) => reason switch
    {
        EndReason.PeerIdMismatch or EndReason.SelfDial => 6,
        EndReason.AuthenticationFailed or EndReason.NotAdmitted => 5,
        >= EndReason.MalformedMessage => 4,
        EndReason.LimitReached => 3,
        EndReason.Timeout => 2,
        EndReason.LinkLost or EndReason.ClosedByRemote => 1,
        _ => 0,
    };
}
