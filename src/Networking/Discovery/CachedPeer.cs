using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery;

/// <summary>A peer that this node was connected to, in this life or an earlier one.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Addresses">Where it was reached, the last success first, then where it said it listens; without the trailing peer id; at
/// least one.</param>
/// <param name="LastSeen">When the node last heard of it while connected, to the second.</param>
public sealed record CachedPeer(PeerId Peer, IReadOnlyList<Multiaddr> Addresses, DateTimeOffset LastSeen);
