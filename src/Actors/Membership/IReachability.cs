using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Membership;

/// <summary>Whether a peer can be talked to.</summary>
/// <param name="Obstacle">Why not; null when it can.</param>
public readonly record struct Reach(string? Obstacle)
{
    /// <summary>It can.</summary>
    public bool IsReachable => Obstacle is null;

    /// <summary>Reachable.</summary>
    public static Reach Yes => default;
}

/// <summary>Says whether a peer can be talked to, directly or over a relay.</summary>
/// <remarks>Akka.Cluster assumes that every pair can talk: one pair that cannot gets healthy nodes downed. So nobody joins who cannot reach all.</remarks>
public interface IReachability
{
    /// <summary>Whether a stream to the peer's cluster host can be opened now.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="cancellationToken">Ends the attempt, which then counts as no.</param>
    ValueTask<Reach> ReachAsync(PeerId peer, CancellationToken cancellationToken);
}

/// <summary>Opens a stream and drops it: the peer is there, admits us and runs a cluster host.</summary>
public sealed class StreamReachability(IPeerStreams streams) : IReachability
{
    /// <inheritdoc/>
    public async ValueTask<Reach> ReachAsync(PeerId peer, CancellationToken cancellationToken)
    {
        try
        {
            PeerStream stream = await streams.OpenStreamAsync(peer, MembersProtocol.Id, cancellationToken);
            stream.Reset(EndReason.Completed);
            await stream.DisposeAsync();
            return Reach.Yes;
        }
        catch (OperationCanceledException)
        {
            return new Reach("it did not answer in time");
        }
        catch (IOException e)
        {
            return new Reach(e.Message);
        }
    }
}
