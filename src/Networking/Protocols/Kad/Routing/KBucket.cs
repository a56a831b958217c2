using System.Net;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad.Routing;

/// <summary>The peers that share exactly so many leading bits with us.</summary>
internal sealed class KBucket
{
    /// <summary>In no order; at most k.</summary>
    public List<TableEntry> Entries { get; } = [];

    /// <summary>Who waits for a place, the earliest seen first; none of them in <see cref="Entries"/>.</summary>
    public List<TableEntry> Replacements { get; } = [];

    /// <summary>When a lookup last went through the range of this bucket.</summary>
    public DateTimeOffset Refreshed { get; set; }

    public TableEntry? Find(PeerId peer) => Entries.Find(e => e.Peer.Peer == peer);

    public int CountOf(IPAddress group) => Entries.Count(e => e.Groups.Contains(group));
}

/// <summary>A peer in the table.</summary>
internal sealed class TableEntry(KadKey key, KadPeer peer, IReadOnlyList<IPAddress> groups, DateTimeOffset seen)
{
    public KadKey Key { get; } = key;

    public KadPeer Peer { get; set; } = peer;

    /// <summary>Where it was when it came in; counted until it goes.</summary>
    public IReadOnlyList<IPAddress> Groups { get; } = groups;

    /// <summary>When it last proved to be alive.</summary>
    public DateTimeOffset Seen { get; set; } = seen;

    /// <summary>Failed requests since then.</summary>
    public int Failures { get; set; }

    /// <summary>A ping decides whether it keeps its place.</summary>
    public bool IsSuspected { get; set; }
}
