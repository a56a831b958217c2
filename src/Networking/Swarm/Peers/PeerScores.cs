using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Swarm.Peers;

/// <summary>Who broke how many rules lately, and who is refused for it.</summary>
/// <remarks>
/// A score starts at 0, falls with each broken rule by a weight of its reason, and recovers by a point every
/// <see cref="PeerScoreOptions.RecoveryInterval"/>. At <see cref="PeerScoreOptions.BanScore"/> the peer is refused for
/// <see cref="PeerScoreOptions.BanTime"/>; then it starts again at half the way down, so that a repeat is caught
/// sooner. Safe for several threads. Bounded: when full, the entry nearest to innocence makes room. A new identity is
/// cheap, so this keeps out the faulty and the lazy; against many identities stand the limits by IP and the mesh's
/// admission.
/// </remarks>
/// <param name="options">Weights and times.</param>
/// <param name="time">The clock.</param>
public sealed class PeerScores(PeerScoreOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, Entry> _entries = [];

    /// <summary>Peers remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>How much a broken rule costs; 0 for reasons that are nobody's fault.</summary>
    public static int WeightOf(EndReason reason) => reason switch
    {
        EndReason.MalformedMessage or EndReason.MessageTooLarge => 20,
        EndReason.UnexpectedMessage => 10,
        EndReason.AuthenticationFailed or EndReason.WindowExceeded => 50,
        EndReason.TooManyRequests => 5,
        _ => 0,
    };

    /// <summary>Lowers the score of a peer.</summary>
    /// <returns>True when this very call got it banned: its connections are to be closed.</returns>
    public bool Penalize(PeerId peer, EndReason reason)
    {
        int weight = WeightOf(reason);
        if (weight == 0)
        {
            return false;
        }

        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            Entry entry = Current(peer, now);
            if (entry.BannedUntil > now)
            {
                return false;
            }

            double score = entry.Score - weight;
            bool banned = score <= options.BanScore;
            MakeRoomFor(peer, now);
            _entries[peer] = new Entry(score, now, banned ? now + options.BanTime : default);
            return banned;
        }
    }

    /// <summary>0 or below.</summary>
    public double ScoreOf(PeerId peer)
    {
        lock (_lock)
        {
            return Current(peer, time.GetUtcNow()).Score;
        }
    }

    /// <summary>True while a peer is refused.</summary>
    public bool IsBanned(PeerId peer)
    {
        lock (_lock)
        {
            return _entries.TryGetValue(peer, out Entry entry) && entry.BannedUntil > time.GetUtcNow();
        }
    }

    private Entry Current(PeerId peer, DateTimeOffset now) =>
        _entries.TryGetValue(peer, out Entry entry) ? Recovered(entry, now) : new Entry(0, now, default);

    private Entry Recovered(Entry entry, DateTimeOffset now)
    {
        if (entry.BannedUntil > now)
        {
            return entry;
        }

        bool wasBanned = entry.BannedUntil != default;
        double score = wasBanned ? options.BanScore / 2.0 : entry.Score;
        DateTimeOffset since = wasBanned ? entry.BannedUntil : entry.At;
        double recovered = (now - since) / options.RecoveryInterval;
        return new Entry(Math.Min(0, score + recovered), now, default);
    }

    private void MakeRoomFor(PeerId peer, DateTimeOffset now)
    {
        if (_entries.Count >= options.MaxPeers && !_entries.ContainsKey(peer))
        {
            _entries.Remove(
                _entries.MaxBy(e => e.Value.BannedUntil > now ? double.MinValue : Recovered(e.Value, now).Score).Key);
        }
    }

    private readonly record struct Entry(double Score, DateTimeOffset At, DateTimeOffset BannedUntil);
}

/// <summary>Settings of <see cref="PeerScores"/>.</summary>
public sealed record PeerScoreOptions
{
    /// <summary>The score at which a peer is refused: two forged tags, or five malformed messages, within a short
    /// time.</summary>
    public int BanScore { get; init; } = -100;

    /// <summary>How long a banned peer is refused.</summary>
    public TimeSpan BanTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time after which one point is forgiven.</summary>
    public TimeSpan RecoveryInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Peers remembered at once.</summary>
    public int MaxPeers { get; init; } = 4_096;
}
