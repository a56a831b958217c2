using System.Diagnostics.CodeAnalysis;
using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Who provides what, as far as this node keeps it for the DHT.</summary>
/// <remarks>
/// Whoever adds a provider has checked that it is the sender itself. Bounded in all, for each key, for each provider, and for
/// each IP group of a key; when it is full, the providers of the key farthest from this node make room for a nearer one. Pure
/// but for the storage; the time comes in. Not safe for several threads.
/// </remarks>
internal sealed class ProviderStore
{
    private readonly ProviderStoreOptions _options;
    private readonly IKadStorage _storage;
    private readonly KadKey _self;
    private readonly Dictionary<KadKey, Dictionary<PeerId, Entry>> _entries = [];
    private readonly SortedSet<(KadKey.Distance Distance, KadKey Key)> _byDistance =
        new(Comparer<(KadKey.Distance Distance, KadKey Key)>.Create((x, y) => x.Distance.CompareTo(y.Distance)));

    private readonly Dictionary<PeerId, int> _shares = [];

    /// <summary>Loads what storage has: what does not hold any more is deleted there.</summary>
    public ProviderStore(KadKey self, ProviderStoreOptions options, IKadStorage storage, DateTimeOffset now)
    {
        options.Validate();
        (_self, _options, _storage) = (self, options, storage);
        foreach (KadStoredEntry stored in storage.Load(KadTable.Providers))
        {
            if (!TryRead(stored.Content.Span, now, out Entry? entry) || IsOver(entry, now)
                || Count >= options.MaxProviders || RoomFor(entry, now) != PutOutcome.Stored)
            {
                storage.Delete(KadTable.Providers, stored.Id);
            }
            else
            {
                Put(entry);
            }
        }
    }

    /// <summary>Pairs of key and provider, expired ones too until they are removed.</summary>
    public int Count { get; private set; }

    /// <summary>A peer says that it provides a key.</summary>
    /// <param name="multihash">The key.</param>
    /// <param name="provider">The peer, authenticated, with its addresses.</param>
    /// <param name="now">The time.</param>
    public PutOutcome Add(Multihash multihash, KadPeer provider, DateTimeOffset now)
    {
        var entry = new Entry(
            multihash.Bytes.ToArray(),
            KadKey.Of(multihash.Bytes),
            provider with { Addresses = [.. provider.Addresses.Take(KadLimits.MaxAddresses)], IsConnected = false },
            IpGroups.Of(provider.Addresses, _options.PublicAddresses),
            now);
        PutOutcome outcome = RoomFor(entry, now);
        if (outcome == PutOutcome.Stored)
        {
            Put(entry);
            Save(entry);
        }

        return outcome;
    }

    /// <summary>Who provides a key now, the latest first. An old one comes without addresses.</summary>
    public IReadOnlyList<KadPeer> Get(Multihash multihash, DateTimeOffset now) =>
        _entries.TryGetValue(KadKey.Of(multihash.Bytes), out Dictionary<PeerId, Entry>? providers)
            ? [.. providers.Values.Where(e => !IsOver(e, now)).OrderByDescending(e => e.Received)
                .Select(e => now - e.Received < _options.AddressLifetime ? e.Provider : e.Provider with { Addresses = [] })]
            : [];

    /// <summary>Drops what is over; called now and then.</summary>
    public void RemoveExpired(DateTimeOffset now)
    {
        foreach (Entry entry in _entries.Values.SelectMany(p => p.Values).Where(e => IsOver(e, now)).ToList())
        {
            Remove(entry);
        }
    }

    private bool IsOver(Entry entry, DateTimeOffset now) => now - entry.Received >= _options.Lifetime;

    private PutOutcome RoomFor(Entry entry, DateTimeOffset now)
    {
        if (_entries.TryGetValue(entry.Key, out Dictionary<PeerId, Entry>? providers))
        {
            foreach (Entry old in providers.Values.Where(e => IsOver(e, now)).ToList())
            {
                Remove(old);
            }

            if (providers.ContainsKey(entry.Provider.Peer))
            {
                return PutOutcome.Stored;
            }

            if (providers.Count >= _options.MaxPerKey || entry.Groups.Any(g => CountOf(providers, g) >= _options.MaxPerGroup))
            {
                return PutOutcome.Full;
            }
        }

        if (_shares.GetValueOrDefault(entry.Provider.Peer) >= _options.MaxPerPeer)
        {
            return PutOutcome.PeerFull;
        }

        return Count < _options.MaxProviders || _byDistance.Max.Distance.CompareTo(_self.DistanceTo(entry.Key)) > 0
            ? PutOutcome.Stored
            : PutOutcome.Full;
    }

    private static int CountOf(Dictionary<PeerId, Entry> providers, IPAddress group) =>
        providers.Values.Count(e => e.Groups.Contains(group));

    private void Put(Entry entry)
    {
        if (_entries.TryGetValue(entry.Key, out Dictionary<PeerId, Entry>? providers)
            && providers.ContainsKey(entry.Provider.Peer))
        {
            providers[entry.Provider.Peer] = entry;
            return;
        }

        while (Count >= _options.MaxProviders)
        {
            Remove(_entries[_byDistance.Max.Key].Values.MinBy(e => e.Received)!);
        }

        if (!_entries.TryGetValue(entry.Key, out providers))
        {
            _entries.Add(entry.Key, providers = []);
            _byDistance.Add((_self.DistanceTo(entry.Key), entry.Key));
        }

        providers.Add(entry.Provider.Peer, entry);
        _shares[entry.Provider.Peer] = _shares.GetValueOrDefault(entry.Provider.Peer) + 1;
        Count++;
    }

    private void Remove(Entry entry)
    {
        Dictionary<PeerId, Entry> providers = _entries[entry.Key];
        providers.Remove(entry.Provider.Peer);
        if (providers.Count == 0)
        {
            _entries.Remove(entry.Key);
            _byDistance.Remove((_self.DistanceTo(entry.Key), entry.Key));
        }

        if (--_shares[entry.Provider.Peer] == 0)
        {
            _shares.Remove(entry.Provider.Peer);
        }

        Count--;
        _storage.Delete(KadTable.Providers, entry.Id);
    }

    private void Save(Entry entry) => _storage.Save(new KadStoredEntry(
        KadTable.Providers, entry.Id, StoredForms.Write(entry.Multihash, entry.Provider, entry.Received)));

    private bool TryRead(ReadOnlySpan<byte> content, DateTimeOffset now, [NotNullWhen(true)] out Entry? entry)
    {
        entry = null;
        if (!StoredForms.TryRead(content, out byte[]? multihash, out KadPeer? provider, out DateTimeOffset received))
        {
            return false;
        }

        // Received in the future: the clock was wrong, and the provider would count too long.
        IReadOnlyList<IPAddress> groups = IpGroups.Of(provider.Addresses, _options.PublicAddresses);
        entry = new Entry(multihash, KadKey.Of(multihash), provider, groups, received > now ? now : received);
        return true;
    }

    private sealed record Entry(
        byte[] Multihash, KadKey Key, KadPeer Provider, IReadOnlyList<IPAddress> Groups, DateTimeOffset Received)
    {
        /// <summary>Within storage.</summary>
        public byte[] Id => [.. Multihash, .. Provider.Peer.Bytes];
    }
}
