namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>How often each of many may do something: a token bucket for each.</summary>
/// <remarks>
/// Not safe for several threads. Bounded: when <see cref="MaxEntries"/> are remembered, those whose bucket is full again are
/// forgotten, which loses nothing; if none is, a newcomer is refused until one is. Looked through at most once a second, so
/// that refusing stays cheap.
/// </remarks>
/// <typeparam name="TKey">Whom to tell apart.</typeparam>
/// <param name="rate">How often.</param>
internal sealed class RelayRates<TKey>(RelayRate rate)
    where TKey : notnull
{
    /// <summary>Keys remembered at once: some 100 bytes each.</summary>
    public const int MaxEntries = 4_096;

    private static readonly TimeSpan SweepPause = TimeSpan.FromSeconds(1);
    private readonly Dictionary<TKey, Bucket> _buckets = [];
    private TimeSpan _nextSweep = TimeSpan.MinValue;

    /// <summary>Keys remembered now.</summary>
    public int Count => _buckets.Count;

    /// <summary>Takes a token.</summary>
    /// <param name="key">Whose.</param>
    /// <param name="now">Does not go back.</param>
    public bool TryTake(TKey key, TimeSpan now)
    {
        if (!_buckets.TryGetValue(key, out Bucket bucket))
        {
            if (_buckets.Count >= MaxEntries && !ForgetFullBuckets(now))
            {
                return false;
            }

            bucket = new Bucket(rate.Burst, now);
        }

        double tokens = TokensAt(bucket, now);
        bool allowed = tokens >= 1;
        _buckets[key] = new Bucket(allowed ? tokens - 1 : tokens, now);
        return allowed;
    }

    private double TokensAt(Bucket bucket, TimeSpan now) =>
        Math.Min(rate.Burst, bucket.Tokens + ((now - bucket.At) / rate.Interval));

    private bool ForgetFullBuckets(TimeSpan now)
    {
        if (now < _nextSweep)
        {
            return false;
        }

        _nextSweep = now + SweepPause;
        foreach ((TKey key, Bucket bucket) in _buckets)
        {
            if (TokensAt(bucket, now) >= rate.Burst)
            {
                _buckets.Remove(key);
            }
        }

        return _buckets.Count < MaxEntries;
    }

    private readonly record struct Bucket(double Tokens, TimeSpan At);
}
