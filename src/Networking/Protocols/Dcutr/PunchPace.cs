using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>How often each peer may begin an exchange: a token bucket a peer.</summary>
/// <remarks>
/// Safe for several threads. Bounded: when <see cref="MaxEntries"/> peers are remembered, those whose bucket is full again
/// are forgotten; if none is, a new peer is refused until one is.
/// </remarks>
internal sealed class PunchPace(DcutrOptions options, TimeProvider time)
{
    /// <summary>Peers remembered at once.</summary>
    public const int MaxEntries = 1_024;

    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, (double Tokens, long At)> _buckets = [];

    /// <summary>Takes a token of the peer.</summary>
    public bool TryTake(PeerId peer)
    {
        lock (_lock)
        {
            long now = time.GetTimestamp();
            if (!_buckets.TryGetValue(peer, out (double Tokens, long At) bucket))
            {
                if (_buckets.Count >= MaxEntries && !ForgetFull(now))
                {
                    return false;
                }

                bucket = (options.ExchangeBurst, now);
            }

            double tokens = TokensAt(bucket, now);
            _buckets[peer] = (tokens >= 1 ? tokens - 1 : tokens, now);
            return tokens >= 1;
        }
    }

    private double TokensAt((double Tokens, long At) bucket, long now) => Math.Min(
        options.ExchangeBurst, bucket.Tokens + (time.GetElapsedTime(bucket.At, now) / options.ExchangePause));

    private bool ForgetFull(long now)
    {
        foreach ((PeerId peer, (double Tokens, long At) bucket) in _buckets)
        {
            if (TokensAt(bucket, now) >= options.ExchangeBurst)
            {
                _buckets.Remove(peer);
            }
        }

        return _buckets.Count < MaxEntries;
    }
}
