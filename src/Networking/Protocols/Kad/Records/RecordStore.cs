using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>The values that this node keeps for the DHT.</summary>
/// <remarks>
/// Only valid values come in, and a better one is never replaced by a worse. Bounded in number and bytes, for each peer too;
/// when it is full, the key farthest from this node makes room for a nearer one, so that a flood of other keys cannot drive
/// out those that lookups come here for. Pure but for the storage; the time comes in. Not safe for several threads.
/// </remarks>
internal sealed class RecordStore
{
    private readonly RecordStoreOptions _options;
    private readonly RecordValidators _validators;
    private readonly IKadStorage _storage;
    private readonly KadKey _self;
    private readonly Dictionary<KadKey, Entry> _entries = [];
    private readonly SortedSet<(KadKey.Distance Distance, KadKey Key)> _byDistance =
        new(Comparer<(KadKey.Distance Distance, KadKey Key)>.Create((x, y) => x.Distance.CompareTo(y.Distance)));

    private readonly Dictionary<PeerId, (int Count, long Bytes)> _shares = [];

    /// <summary>Loads what storage has: what does not hold any more is deleted there.</summary>
    public RecordStore(
        KadKey self, RecordStoreOptions options, RecordValidators validators, IKadStorage storage, DateTimeOffset now)
    {
        options.Validate();
        (_self, _options, _validators, _storage) = (self, options, validators, storage);
        foreach (KadStoredEntry stored in storage.Load(KadTable.Records))
        {
            if (!Load(stored.Content.Span, now))
            {
                storage.Delete(KadTable.Records, stored.Id);
            }
        }
    }

    /// <summary>Values held, expired ones too until they are removed.</summary>
    public int Count => _entries.Count;

    /// <summary>Bytes of keys and values.</summary>
    public long Bytes { get; private set; }

    /// <summary>The value of a key; null when there is none that holds now.</summary>
    public ValueRecord? Get(ReadOnlySpan<byte> key, DateTimeOffset now)
    {
        if (!_entries.TryGetValue(KadKey.Of(key), out Entry? entry))
        {
            return null;
        }

        if (IsOver(entry, now))
        {
            Remove(entry);
            return null;
        }

        return entry.Record;
    }

    /// <summary>Stores a value, if it holds and is no worse than the one held.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">Its bytes; copied.</param>
    /// <param name="sender">Who put it; counted against its share.</param>
    /// <param name="now">The time.</param>
    /// <param name="check">What the validator said.</param>
    public PutOutcome Put(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, PeerId sender, DateTimeOffset now, out RecordCheck check)
    {
        check = _validators.Validate(key, value, now);
        if (check != RecordCheck.Valid)
        {
            return PutOutcome.Invalid;
        }

        var entry = new Entry(
            KadKey.Of(key), new ValueRecord(key.ToArray(), value.ToArray(), now), sender);
        return Put(entry, now);
    }

    /// <summary>Drops what nobody has put for a lifetime; called now and then. What its validator refuses goes when somebody
    /// asks for it: a signature a value is too much to check for all.</summary>
    public void RemoveExpired(DateTimeOffset now)
    {
        foreach (Entry entry in _entries.Values.Where(e => now - e.Record.Received >= _options.Lifetime).ToList())
        {
            Remove(entry);
        }
    }

    private PutOutcome Put(Entry entry, DateTimeOffset now)
    {
        Entry? held = _entries.GetValueOrDefault(entry.Key);
        if (held is not null && !IsOver(held, now)
            && _validators.Compare(held.Record.Key.Span, held.Record.Value.Span, entry.Record.Value.Span) > 0)
        {
            return PutOutcome.Older;
        }

        PutOutcome outcome = RoomFor(entry, held);
        if (outcome != PutOutcome.Stored)
        {
            return outcome;
        }

        if (held is not null)
        {
            Forget(held); // its place in storage is overwritten
        }

        MakeRoom(entry);
        Add(entry);
        Save(entry);
        return PutOutcome.Stored;
    }

    private PutOutcome RoomFor(Entry entry, Entry? held)
    {
        (int count, long bytes) = _shares.GetValueOrDefault(entry.Sender);
        bool sameSender = held?.Sender == entry.Sender;
        count += sameSender ? 0 : 1;
        bytes += entry.Bytes - (sameSender ? held!.Bytes : 0);
        if (count > _options.MaxRecordsPerPeer || bytes > _options.MaxBytesPerPeer)
        {
            return PutOutcome.PeerFull;
        }

        bool fits = held is not null
            ? Bytes - held.Bytes + entry.Bytes <= _options.MaxBytes
            : _entries.Count < _options.MaxRecords && Bytes + entry.Bytes <= _options.MaxBytes;
        return fits || _byDistance.Max.Distance.CompareTo(_self.DistanceTo(entry.Key)) > 0
            ? PutOutcome.Stored
            : PutOutcome.Full;
    }

    private void MakeRoom(Entry entry)
    {
        while (_entries.Count >= _options.MaxRecords || Bytes + entry.Bytes > _options.MaxBytes)
        {
            Remove(_entries[_byDistance.Max.Key]);
        }
    }

    private bool IsOver(Entry entry, DateTimeOffset now) =>
        now - entry.Record.Received >= _options.Lifetime
        || _validators.Validate(entry.Record.Key.Span, entry.Record.Value.Span, now) != RecordCheck.Valid;

    private void Add(Entry entry)
    {
        _entries.Add(entry.Key, entry);
        _byDistance.Add((_self.DistanceTo(entry.Key), entry.Key));
        Bytes += entry.Bytes;
        (int count, long bytes) = _shares.GetValueOrDefault(entry.Sender);
        _shares[entry.Sender] = (count + 1, bytes + entry.Bytes);
    }

    private void Forget(Entry entry)
    {
        _entries.Remove(entry.Key);
        _byDistance.Remove((_self.DistanceTo(entry.Key), entry.Key));
        Bytes -= entry.Bytes;
        (int count, long bytes) = _shares[entry.Sender];
        if (count == 1)
        {
            _shares.Remove(entry.Sender);
        }
        else
        {
            _shares[entry.Sender] = (count - 1, bytes - entry.Bytes);
        }
    }

    private void Remove(Entry entry)
    {
        Forget(entry);
        _storage.Delete(KadTable.Records, entry.Record.Key);
    }

    private void Save(Entry entry) =>
        _storage.Save(new KadStoredEntry(KadTable.Records, entry.Record.Key, StoredForms.Write(entry.Record, entry.Sender)));

    private bool Load(ReadOnlySpan<byte> content, DateTimeOffset now)
    {
        if (!StoredForms.TryRead(content, out ValueRecord? record, out PeerId? sender))
        {
            return false;
        }

        // Received in the future: the clock was wrong, and the value would be kept too long.
        var entry = new Entry(KadKey.Of(record.Key.Span), record.Received > now ? record with { Received = now } : record, sender);
        if (IsOver(entry, now) || _entries.ContainsKey(entry.Key) || RoomFor(entry, null) != PutOutcome.Stored
            || _entries.Count >= _options.MaxRecords || Bytes + entry.Bytes > _options.MaxBytes)
        {
            return false;
        }

        Add(entry);
        return true;
    }

    private sealed record Entry(KadKey Key, ValueRecord Record, PeerId Sender)
    {
        public long Bytes => Record.Key.Length + Record.Value.Length;
    }
}
