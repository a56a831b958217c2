using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Who asks.</summary>
/// <param name="Peer">Authenticated.</param>
/// <param name="Ip">Where its connection comes from; null when a relay stands between.</param>
/// <param name="Addresses">Where it says that it listens.</param>
internal sealed record KadAsker(PeerId Peer, IPAddress? Ip, IReadOnlyList<Multiaddr> Addresses);
