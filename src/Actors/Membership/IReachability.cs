using P2PLearn.Actors.Remoting;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Membership;

/// <summary>Says whether a peer can be talked to, directly or over a relay.</summary>
/// <remarks>Akka.Cluster assumes that every pair can talk: one pair that cannot gets healthy nodes downed. So nobody is asked who cannot be reached.</remarks>
public interface IReachability
{
    /// <summary>True when a membership link to the peer can be opened now.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="cancellationToken">Ends the attempt, which then counts as no.</param>
    ValueTask<bool> CanReachAsync(PeerId peer, CancellationToken cancellationToken);
}

/// <summary>Opens a membership stream and drops it: the peer is there, admits us and runs a cluster host.</summary>
public sealed class StreamReachability(IPeerStreams streams) : IReachability
{
    /// <inheritdoc/>
    public async ValueTask<bool> CanReachAsync(PeerId peer, CancellationToken cancellationToken)
    {
        try
        {
            PeerStream stream = await streams.OpenStreamAsync(peer, P2PTransport.Protocol, cancellationToken);
            stream.Reset(EndReason.Completed);
            await stream.DisposeAsync();
            return true;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;
        }
    }
}
