using System.Net;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad.Lookups;

/// <summary>How far a lookup has got with a peer.</summary>
internal enum CandidateState
{
    /// <summary>Somebody named it.</summary>
    Heard,

    /// <summary>Asked, not answered yet.</summary>
    Asked,

    /// <summary>It answered.</summary>
    Answered,

    /// <summary>It did not, or not in time.</summary>
    Failed,
}

/// <summary>A peer as one path has heard of it.</summary>
/// <param name="path">The path.</param>
/// <param name="peer">With the addresses that were named on this path: a liar on another one cannot change them.</param>
/// <param name="distance">From what is searched.</param>
/// <param name="groups">IP groups of the addresses.</param>
/// <param name="hops">1 for a peer of our own table, else one more than who named it.</param>
internal sealed class LookupCandidate(
    LookupPath path, KadPeer peer, KadKey.Distance distance, IReadOnlyList<IPAddress> groups, int hops)
{
    public LookupPath Path { get; } = path;

    public KadPeer Peer { get; } = peer;

    public KadKey.Distance Distance { get; } = distance;

    public IReadOnlyList<IPAddress> Groups { get; } = groups;

    public int Hops { get; } = hops;

    /// <summary>What this path knows; another path may have asked the same peer.</summary>
    public CandidateState State { get; set; }

    public DateTimeOffset AskedAt { get; set; }
}
