using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Something of this node's own that the DHT is told of again and again.</summary>
/// <param name="Key">A record's key, or a multihash.</param>
/// <param name="Value">The value; null for a provider.</param>
internal sealed record Announcement(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value)
{
    /// <summary>The key as a multihash, for a provider.</summary>
    public Multihash Multihash => Multihash.TryFromBytes(Key.Span, out Multihash? multihash)
        ? multihash
        : throw new InvalidOperationException("a value has no multihash");
}

/// <summary>What this node put or provides, and when it is due to be told again.</summary>
/// <remarks>Pure: the time comes in. Bounded. Safe for several threads.</remarks>
internal sealed class Announcements(int max, TimeSpan interval)
{
    private readonly Dictionary<KadKey, (Announcement Announcement, DateTimeOffset Due)> _all = [];

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

    /// <summary>It was told just now: it is due an interval later. Nothing happens when there are as many as may be.</summary>
    public void Told(Announcement announcement, DateTimeOffset now)
    {
        KadKey key = KadKey.Of(announcement.Key.Span);
        lock (_all)
        {
            if (_all.Count < max || _all.ContainsKey(key))
            {
                _all[key] = (announcement, now + interval);
            }
        }
    }

    /// <summary>It is not to be told any more.</summary>
    public void Remove(ReadOnlySpan<byte> key)
    {
        KadKey place = KadKey.Of(key);
        lock (_all)
        {
            _all.Remove(place);
        }
    }

    /// <summary>What is due now.</summary>
    public IReadOnlyList<Announcement> Due(DateTimeOffset now)
    {
        lock (_all)
        {
            return [.. _all.Values.Where(a => a.Due <= now).Select(a => a.Announcement)];
        }
    }
}
