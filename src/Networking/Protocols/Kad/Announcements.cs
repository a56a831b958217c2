using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>What this node put or provides, and when it is due to be told again.</summary>
/// <remarks>Pure but for the storage: the time comes in. Bounded. Safe for several threads.</remarks>
internal sealed class Announcements
{
    private readonly KadOptions _options;
    private readonly IKadStorage _storage;
    private readonly Dictionary<KadKey, (Announcement Announcement, DateTimeOffset? Told)> _all = [];

    /// <summary>Loads what storage has; a value that does not hold any more is deleted there.</summary>
    /// <remarks>Keys that this node provides are due at once: it may have other addresses now. Values are due when they were.</remarks>
    public Announcements(KadOptions options, IKadStorage storage, DateTimeOffset now)
    {
        (_options, _storage) = (options, storage);
        foreach (KadStoredEntry stored in storage.Load(KadTable.Announcements))
        {
            if (!StoredForms.TryRead(stored.Content.Span, out Announcement? announcement, out DateTimeOffset? told)
                || _all.Count >= options.MaxAnnouncements || !Holds(announcement, now)
                || !_all.TryAdd(KadKey.Of(announcement.Key.Span), (announcement, announcement.Value is null || told > now ? null : told)))
            {
                storage.Delete(KadTable.Announcements, stored.Id);
            }
        }
    }

    /// <summary>How many.</summary>
    public int Count
    {
        get
        {
            lock (_all)
            {
                return _all.Count;
            }
        }
    }

    /// <summary>It is to be told from now on, in place of what was told of its key; due at once.</summary>
    /// <remarks>Nothing happens when there are as many as may be.</remarks>
    public void Add(Announcement announcement)
    {
        KadKey key = KadKey.Of(announcement.Key.Span);
        lock (_all)
        {
            if (_all.Count < _options.MaxAnnouncements || _all.ContainsKey(key))
            {
                Set(key, announcement, null);
            }
        }
    }

    /// <summary>It was told just now: it is due an interval later, if it is still to be told.</summary>
    public void Told(Announcement announcement, DateTimeOffset now)
    {
        KadKey key = KadKey.Of(announcement.Key.Span);
        lock (_all)
        {
            if (_all.TryGetValue(key, out (Announcement Announcement, DateTimeOffset? Told) held) && ReferenceEquals(held.Announcement, announcement))
            {
                Set(key, announcement, now);
            }
        }
    }

    /// <summary>It is not to be told any more.</summary>
    public void Remove(ReadOnlySpan<byte> key)
    {
        KadKey place = KadKey.Of(key);
        lock (_all)
        {
            if (_all.Remove(place))
            {
                _storage.Delete(KadTable.Announcements, key.ToArray());
            }
        }
    }

    /// <summary>What is due now.</summary>
    public IReadOnlyList<Announcement> Due(DateTimeOffset now)
    {
        lock (_all)
        {
            return [.. _all.Values.Where(a => a.Told is not { } told || told + _options.RepublishInterval <= now).Select(a => a.Announcement)];
        }
    }

    private bool Holds(Announcement announcement, DateTimeOffset now) => announcement.Value is not { } value
        || _options.Validators.Validate(announcement.Key.Span, value.Span, now) == RecordCheck.Valid;

    private void Set(KadKey key, Announcement announcement, DateTimeOffset? told)
    {
        _all[key] = (announcement, told);
        _storage.Save(new KadStoredEntry(KadTable.Announcements, announcement.Key, StoredForms.Write(announcement, told)));
    }
}
