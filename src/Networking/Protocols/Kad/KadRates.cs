using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>How soon requests of peers are answered: a bucket of tokens for each, and one for all; who has none waits.</summary>
/// <remarks>
/// Waiting instead of refusing: an honest node that tells of a thousand keys at once is slowed down, and so is a flood, which
/// its number of streams bounds. Pure, the time comes in. Of <see cref="MaxPeers"/> remembered peers those whose bucket is full
/// are forgotten, which loses nothing; when none is, a new peer is refused. Safe for several threads.
/// </remarks>
/// <param name="burst">Requests of a peer without a wait.</param>
/// <param name="perSecond">Requests of a peer in the long run.</param>
/// <param name="allPerSecond">Of all together in the long run; ten times that at once.</param>
internal sealed class KadRates(int burst, int perSecond, int allPerSecond)
{
    /// <summary>Peers remembered at once: more than may be connected.</summary>
    public const int MaxPeers = 4_096;

    /// <summary>A burst of all together, in seconds of their rate.</summary>
    private const int BurstSeconds = 10;

    /// <summary>Who would wait longer is refused: it would not wait for the answer.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

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

    /// <summary>Takes a token of a peer and one of all, in advance when there is none.</summary>
    /// <param name="peer">Who asks.</param>
    /// <param name="now">The time.</param>
    /// <param name="wait">How long until the answer.</param>
    /// <returns>False when the wait is too long; nothing is taken then.</returns>
    public bool TryTake(PeerId peer, DateTimeOffset now, out TimeSpan wait)
    {
        lock (_peers)
        {
            wait = MaxWait;
            if (!_peers.ContainsKey(peer) && !MakeRoom(now))
            {
                return false;
            }

            Bucket own = _peers.GetValueOrDefault(peer, new Bucket(burst, now)).Take(burst, perSecond, now);
            Bucket all = _all.Take(allPerSecond * BurstSeconds, allPerSecond, now);
            wait = own.Wait(perSecond) > all.Wait(allPerSecond) ? own.Wait(perSecond) : all.Wait(allPerSecond);
            if (wait > MaxWait)
            {
                return false;
            }

            (_peers[peer], _all) = (own, all);
            return true;
        }
    }

    private bool MakeRoom(DateTimeOffset now)
    {
        if (_peers.Count < MaxPeers)
        {
            return true;
        }

        foreach (PeerId full in _peers.Where(p => p.Value.At(now, burst, perSecond) >= burst).Select(p => p.Key).ToList())
        {
            _peers.Remove(full);
        }

        return _peers.Count < MaxPeers;
    }

    /// <summary>Below zero for tokens that were taken in advance.</summary>
    private readonly record struct Bucket(double Tokens, DateTimeOffset Filled)
    {
        public double At(DateTimeOffset now, int burst, int perSecond) =>
            Math.Min(burst, Tokens + (Math.Max(0, (now - Filled).TotalSeconds) * perSecond));

        public Bucket Take(int burst, int perSecond, DateTimeOffset now) => new(At(now, burst, perSecond) - 1, now);

        public TimeSpan Wait(int perSecond) => TimeSpan.FromSeconds(Math.Max(0, -Tokens) / perSecond);
    }
}
