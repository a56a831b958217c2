using System.Net;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad.Routing;

/// <summary>What became of a peer that was seen.</summary>
internal enum TableOutcome
{
    /// <summary>It is in the table.</summary>
    Kept,

    /// <summary>Its bucket is full: it waits for a place.</summary>
    Waiting,

    /// <summary>Its IP group has all the places it may have.</summary>
    GroupFull,

    /// <summary>It is this node.</summary>
    Self,
}

/// <summary>The servers of the DHT that this node knows: up to k for each length of prefix that they share with it.</summary>
/// <remarks>
/// Source: Maymounkov and Mazières 2002, 2.2; libp2p specs, kad-dht, "Kademlia routing table". Old peers are kept over new
/// ones; a peer loses its place only when it fails. Pure: the time comes in, and who is to be pinged goes out. Bounded: 256
/// buckets of k entries and a few replacements, each with at most <see cref="KadLimits.MaxAddresses"/> addresses. Not safe
/// for several threads.
/// </remarks>
internal sealed class RoutingTable
{
    /// <summary>Lengths of prefix, 0 to 255.</summary>
    public const int BucketCount = 256;

    private readonly RoutingTableOptions _options;
    private readonly PeerId _self;
    private readonly KBucket?[] _buckets = new KBucket?[BucketCount];
    private readonly Dictionary<IPAddress, int> _groups = [];

    /// <param name="self">This node, never in its own table.</param>
    /// <param name="options">Sizes.</param>
    public RoutingTable(PeerId self, RoutingTableOptions options)
    {
        options.Validate();
        _self = self;
        _options = options;
        SelfKey = KadKey.Of(self);
    }

    /// <summary>This node's place.</summary>
    public KadKey SelfKey { get; }

    /// <summary>Peers in the table.</summary>
    public int Count { get; private set; }

    /// <summary>The longest prefix that a peer in the table shares with this node; −1 when it is empty.</summary>
    public int DeepestBucket => Array.FindLastIndex(_buckets, b => b is { Entries.Count: > 0 });

    /// <summary>A server proved to be alive: it spoke to us over an authenticated connection.</summary>
    /// <param name="peer">Who, with where it says that it listens.</param>
    /// <param name="ips">Where its connections really come from; limited by group.</param>
    /// <param name="now">The time.</param>
    /// <param name="ping">A peer whose place this one would get: ping it, and tell <see cref="Failed"/> or
    /// <see cref="Seen"/>.</param>
    public TableOutcome Seen(KadPeer peer, IEnumerable<IPAddress> ips, DateTimeOffset now, out KadPeer? ping)
    {
        ping = null;
        if (peer.Peer == _self)
        {
            return TableOutcome.Self;
        }

        KadKey key = KadKey.Of(peer.Peer);
        KBucket bucket = BucketOf(key);
        KadPeer bounded = peer with { Addresses = [.. peer.Addresses.Take(KadLimits.MaxAddresses)] };
        if (bucket.Find(peer.Peer) is { } known)
        {
            known.Peer = bounded.Addresses.Count > 0 ? bounded : known.Peer;
            (known.Seen, known.Failures, known.IsSuspected) = (now, 0, false);
            return TableOutcome.Kept;
        }

        IPAddress[] groups = [.. ips.Select(ip => IpGroups.Of(ip, _options.PublicAddresses)).OfType<IPAddress>().Distinct()];
        bucket.Replacements.RemoveAll(e => e.Peer.Peer == peer.Peer);
        if (!HasRoom(bucket, groups))
        {
            return TableOutcome.GroupFull;
        }

        var entry = new TableEntry(key, bounded, groups, now);
        if (bucket.Entries.Count < _options.BucketSize)
        {
            Place(bucket, entry);
            return TableOutcome.Kept;
        }

        Wait(bucket, entry);
        ping = Suspect(bucket, now);
        return TableOutcome.Waiting;
    }

    /// <summary>A request to a peer failed. It goes when somebody waits for its place, or at the third time in a row.</summary>
    public void Failed(PeerId peer)
    {
        KBucket bucket = BucketOf(KadKey.Of(peer));
        bucket.Replacements.RemoveAll(e => e.Peer.Peer == peer);
        if (bucket.Find(peer) is not { } entry)
        {
            return;
        }

        entry.Failures++;
        entry.IsSuspected = false;
        if (bucket.Replacements.Count > 0 || entry.Failures >= _options.MaxFailures)
        {
            Remove(bucket, entry);
        }
    }

    /// <summary>A peer is no server any more.</summary>
    public void Remove(PeerId peer)
    {
        KBucket bucket = BucketOf(KadKey.Of(peer));
        bucket.Replacements.RemoveAll(e => e.Peer.Peer == peer);
        if (bucket.Find(peer) is { } entry)
        {
            Remove(bucket, entry);
        }
    }

    /// <summary>What the table holds of a peer.</summary>
    public KadPeer? Find(PeerId peer) => BucketOf(KadKey.Of(peer)).Find(peer)?.Peer;

    /// <summary>The peers nearest to a place, the nearest first.</summary>
    /// <param name="target">The place.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="except">Left out: the asker.</param>
    public IReadOnlyList<KadPeer> Closest(KadKey target, int count, PeerId? except = null)
    {
        List<(KadKey.Distance Distance, KadPeer Peer)> all = new(Count);
        foreach (KBucket? bucket in _buckets)
        {
            foreach (TableEntry entry in bucket?.Entries ?? [])
            {
                all.Add((entry.Key.DistanceTo(target), entry.Peer));
            }
        }

        all.Sort(static (x, y) => x.Distance.CompareTo(y.Distance));
        return [.. all.Where(e => except is null || e.Peer.Peer != except).Take(count).Select(e => e.Peer)];
    }

    /// <summary>Buckets, from the far ones to one beyond the deepest, that no lookup went through since <paramref name="since"/>.</summary>
    public IReadOnlyList<int> StaleBuckets(DateTimeOffset since) =>
        [.. Enumerable.Range(0, Math.Min(DeepestBucket + 2, BucketCount)).Where(i => (_buckets[i]?.Refreshed ?? default) < since)];

    /// <summary>A lookup goes through a place.</summary>
    public void Refreshed(KadKey target, DateTimeOffset now) => BucketOf(target).Refreshed = now;

    private KBucket BucketOf(KadKey key)
    {
        int prefix = Math.Min(SelfKey.CommonPrefixLength(key), BucketCount - 1);
        return _buckets[prefix] ??= new KBucket();
    }

    private bool HasRoom(KBucket bucket, IPAddress[] groups) => Array.TrueForAll(
        groups,
        g => _groups.GetValueOrDefault(g) < _options.MaxPerGroup && bucket.CountOf(g) < _options.MaxPerGroupInBucket);

    private void Place(KBucket bucket, TableEntry entry)
    {
        bucket.Entries.Add(entry);
        Count++;
        foreach (IPAddress group in entry.Groups)
        {
            _groups[group] = _groups.GetValueOrDefault(group) + 1;
        }
    }

    private void Remove(KBucket bucket, TableEntry entry)
    {
        bucket.Entries.Remove(entry);
        Count--;
        foreach (IPAddress group in entry.Groups)
        {
            if (--_groups[group] == 0)
            {
                _groups.Remove(group);
            }
        }

        // The latest seen that its group still has room for.
        int next = bucket.Replacements.FindLastIndex(e => HasRoom(bucket, [.. e.Groups]));
        if (next >= 0)
        {
            Place(bucket, bucket.Replacements[next]);
            bucket.Replacements.RemoveAt(next);
        }
    }

    private void Wait(KBucket bucket, TableEntry entry)
    {
        bucket.Replacements.Add(entry);
        if (bucket.Replacements.Count > _options.MaxReplacements)
        {
            bucket.Replacements.RemoveAt(0);
        }
    }

    /// <summary>The peer not heard of for longest, unless it is fresh or one is being pinged already.</summary>
    private KadPeer? Suspect(KBucket bucket, DateTimeOffset now)
    {
        TableEntry oldest = bucket.Entries.MinBy(e => e.Seen)!;
        if (now - oldest.Seen < _options.FreshFor || bucket.Entries.Exists(e => e.IsSuspected))
        {
            return null;
        }

        oldest.IsSuspected = true;
        return oldest.Peer;
    }
}
