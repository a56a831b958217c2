using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>The table and the stores of a node behind one lock.</summary>
/// <remarks>Safe for several threads; nothing here waits.</remarks>
internal sealed class KadState
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly RoutingTable _table;
    private readonly RecordStore _records;
    private readonly ProviderStore _providers;
    private readonly KadResponder _responder;

    /// <param name="self">This node.</param>
    /// <param name="options">Sizes and times.</param>
    /// <param name="connected">A peer that this node is connected with; null for another.</param>
    /// <param name="storage">Where values and providers are kept.</param>
    /// <param name="time">The clock.</param>
    public KadState(PeerId self, KadOptions options, Func<PeerId, KadPeer?> connected, IKadStorage storage, TimeProvider time)
    {
        _time = time;
        _table = new RoutingTable(self, options.Table);
        DateTimeOffset now = time.GetUtcNow();
        _records = new RecordStore(_table.SelfKey, options.Records, options.Validators, storage, now);
        _providers = new ProviderStore(_table.SelfKey, options.Providers, storage, now);
        _responder = new KadResponder(_table, _records, _providers, connected, options.PublicAddresses);
    }

    /// <summary>This node's place.</summary>
    public KadKey SelfKey => _table.SelfKey;

    /// <summary>Sizes of table, values, bytes of values and providers.</summary>
    public (int Peers, int Records, long RecordBytes, int Providers) Sizes
    {
        get
        {
            lock (_lock)
            {
                return (_table.Count, _records.Count, _records.Bytes, _providers.Count);
            }
        }
    }

    /// <inheritdoc cref="RoutingTable.Seen"/>
    public TableOutcome Seen(KadPeer peer, IEnumerable<IPAddress> ips, out KadPeer? ping)
    {
        lock (_lock)
        {
            return _table.Seen(peer, ips, _time.GetUtcNow(), out ping);
        }
    }

    /// <inheritdoc cref="RoutingTable.Failed"/>
    public void Failed(PeerId peer)
    {
        lock (_lock)
        {
            _table.Failed(peer);
        }
    }

    /// <inheritdoc cref="RoutingTable.Remove(PeerId)"/>
    public void Remove(PeerId peer)
    {
        lock (_lock)
        {
            _table.Remove(peer);
        }
    }

    /// <inheritdoc cref="RoutingTable.Find"/>
    public KadPeer? Find(PeerId peer)
    {
        lock (_lock)
        {
            return _table.Find(peer);
        }
    }

    /// <summary>The peers to begin a lookup with; its range counts as refreshed.</summary>
    public IReadOnlyList<KadPeer> Seeds(KadKey target, int count)
    {
        lock (_lock)
        {
            _table.Refreshed(target, _time.GetUtcNow());
            return _table.Closest(target, count);
        }
    }

    /// <inheritdoc cref="RoutingTable.StaleBuckets"/>
    public IReadOnlyList<int> StaleBuckets(DateTimeOffset since)
    {
        lock (_lock)
        {
            return _table.StaleBuckets(since);
        }
    }

    /// <inheritdoc cref="KadResponder.Answer"/>
    public KadMessage? Answer(KadMessage request, KadAsker asker)
    {
        lock (_lock)
        {
            return _responder.Answer(request, asker, _time.GetUtcNow());
        }
    }

    /// <summary>The value held here.</summary>
    public ValueRecord? GetValue(ReadOnlySpan<byte> key)
    {
        lock (_lock)
        {
            return _records.Get(key, _time.GetUtcNow());
        }
    }

    /// <summary>Keeps a value of this node's own.</summary>
    public PutOutcome PutValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, PeerId sender, out RecordCheck check)
    {
        lock (_lock)
        {
            return _records.Put(key, value, sender, _time.GetUtcNow(), out check);
        }
    }

    /// <summary>The providers known here.</summary>
    public IReadOnlyList<KadPeer> GetProviders(Multihash key)
    {
        lock (_lock)
        {
            return _providers.Get(key, _time.GetUtcNow());
        }
    }

    /// <summary>Drops what is over.</summary>
    public void RemoveExpired()
    {
        lock (_lock)
        {
            _records.RemoveExpired(_time.GetUtcNow());
            _providers.RemoveExpired(_time.GetUtcNow());
        }
    }
}
