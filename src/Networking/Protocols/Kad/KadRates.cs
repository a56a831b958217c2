using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>How many requests peers may make: a bucket of tokens for each, and one for all.</summary>
/// <remarks>
/// Pure, the time comes in. Bounded: of <see cref="MaxPeers"/> remembered ones those whose bucket is full are forgotten, which
/// loses nothing; when none is, a new peer waits. Safe for several threads.
/// </remarks>
internal sealed class KadRates(int burst, int perSecond, int allPerSecond)
{
    /// <summary>Peers remembered at once: more than may be connected.</summary>
    public const int MaxPeers = 4_096;

    /// <summary>A burst of all together, in seconds of their rate.</summary>
    private const int BurstSeconds = 10;

    private readonly Dictionary<PeerId, Bucket> _peers = [];
    private Bucket _all = new(allPerSecond * BurstSeconds, DateTimeOffset.MinValue);

    /// <summary>Peers remembered.</summary>
    public int Count
    {
        get
        {
            lock (_peers)
            {
                return _peers.Count;
            }
        }
    }

    /// <summary>Takes a token of a peer; false when it asks too often.</summary>
    public bool TryTake(PeerId peer, DateTimeOffset now)
    {
        lock (_peers)
        {
            if (!_peers.ContainsKey(peer) && _peers.Count >= MaxPeers)
            {
                foreach (PeerId full in _peers.Where(p => p.Value.At(now, burst, perSecond) >= burst).Select(p => p.Key).ToList())
                {
                    _peers.Remove(full);
                }

                if (_peers.Count >= MaxPeers)
                {
                    return false;
                }
            }

            Bucket bucket = _peers.GetValueOrDefault(peer, new Bucket(burst, now));
            bool allowed = bucket.TryTake(burst, perSecond, now, out bucket);
            _peers[peer] = bucket;
            return allowed;
        }
    }

    /// <summary>Takes a token of all; false when this node has enough to do.</summary>
    public bool TryTakeOfAll(DateTimeOffset now)
    {
        lock (_peers)
        {
            return _all.TryTake(allPerSecond * BurstSeconds, allPerSecond, now, out _all);
        }
    }

    private readonly record struct Bucket(double Tokens, DateTimeOffset Filled)
    {
        public double At(DateTimeOffset now, int burst, int perSecond) =>
            Math.Min(burst, Tokens + (Math.Max(0, (now - Filled).TotalSeconds) * perSecond));

        public bool TryTake(int burst, int perSecond, DateTimeOffset now, out Bucket rest)
        {
            double tokens = At(now, burst, perSecond);
            rest = new Bucket(tokens >= 1 ? tokens - 1 : tokens, now);
            return tokens >= 1;
        }
    }
}
