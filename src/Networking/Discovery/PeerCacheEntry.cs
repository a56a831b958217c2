using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery;

/// <summary>One line of the peer cache.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Addresses">Those that led to a connection, the newest first, then those that the peer announced; none twice.</param>
/// <param name="GoodCount">How many of them led to a connection: [0, count].</param>
/// <param name="LastSeen">Whole seconds.</param>
internal sealed record PeerCacheEntry(PeerId Peer, IReadOnlyList<Multiaddr> Addresses, int GoodCount, DateTimeOffset LastSeen);
