using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>A peer and where it may be dialled. Hearsay when it came in an answer: the handshake tells who is there.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Addresses">Without trailing peer ids.</param>
public sealed record KadPeer(PeerId Peer, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>The sender of the message says that it is connected with the peer.</summary>
    public bool IsConnected { get; init; }
}
