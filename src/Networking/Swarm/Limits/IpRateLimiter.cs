using System.Net;

namespace P2PLearn.Networking.Swarm.Limits;

/// <summary>A token bucket for each IP: how often it may connect.</summary>
/// <remarks>
/// Not safe for several threads; the gate that owns it holds a lock. Bounded: when <see cref="MaxEntries"/> IPs are
/// remembered, those whose bucket is full again are forgotten, which loses nothing; if none is, a new IP is refused
/// until one is.
/// </remarks>
/// <param name="burst">Tokens in a full bucket.</param>
/// <param name="perSecond">Tokens that come back each second.</param>
/// <param name="time">The clock.</param>
internal sealed class IpRateLimiter(int burst, int perSecond, TimeProvider time)
{
    /// <summary>IPs remembered at once: 64 bytes each, half a megabyte in all.</summary>
    public const int MaxEntries = 8_192;

    private readonly Dictionary<IPAddress, Bucket> _buckets = [];

    /// <summary>IPs remembered now.</summary>
    public int Count => _buckets.Count;

    /// <summary>Takes a token of the IP.</summary>
    public bool TryTake(IPAddress ip)
    {
        long now = time.GetTimestamp();
        if (!_buckets.TryGetValue(ip, out Bucket bucket))
        {
            if (_buckets.Count >= MaxEntries && !ForgetFullBuckets(now))
            {
                return false;
            }

            bucket = new Bucket(burst, now);
        }

        double tokens = TokensAt(bucket, now);
        bool allowed = tokens >= 1;
        _buckets[ip] = new Bucket(allowed ? tokens - 1 : tokens, now);
        return allowed;
    }

    private double TokensAt(Bucket bucket, long now) =>
        Math.Min(burst, bucket.Tokens + (time.GetElapsedTime(bucket.At, now).TotalSeconds * perSecond));

    private bool ForgetFullBuckets(long now)
    {
        foreach ((IPAddress ip, Bucket bucket) in _buckets)
        {
            if (TokensAt(bucket, now) >= burst)
            {
                _buckets.Remove(ip);
            }
        }

        return _buckets.Count < MaxEntries;
    }

    private readonly record struct Bucket(double Tokens, long At);
}
