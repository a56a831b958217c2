using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Swarm;

/// <summary>Finds addresses of a peer that the swarm cannot reach with what it knows; the DHT does that.</summary>
public interface IPeerRouter
{
    /// <summary>Looks for addresses.</summary>
    /// <returns>What was found, possibly nothing. Untrusted: the handshake tells who is really there.</returns>
    ValueTask<IReadOnlyList<Multiaddr>> FindPeerAsync(PeerId peer, CancellationToken cancellationToken);
}
