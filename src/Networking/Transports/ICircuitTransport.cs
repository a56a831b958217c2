using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>The transport of relayed addresses.</summary>
public interface ICircuitTransport : ITransport
{
    /// <summary>In which order to try ways through relays to a peer.</summary>
    /// <param name="target">The peer.</param>
    /// <param name="addresses">Relayed addresses of it.</param>
    IReadOnlyList<Multiaddr> InOrder(PeerId target, IEnumerable<Multiaddr> addresses);
}
