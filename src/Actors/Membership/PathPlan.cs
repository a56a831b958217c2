using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>How a member keeps a path to every other.</summary>
public sealed record PathOptions
{
    /// <summary>Dials at the same time, default 8: when all connections break at once, as behind a router that restarts.</summary>
    public int MaxDials { get; init; } = 8;

    /// <summary>Time for one dial, hole punching and relays included, default 25 s.</summary>
    public TimeSpan DialLimit { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Head start of the lower peer id of a pair, default 300 ms: otherwise both would dial each other at the same moment.</summary>
    public TimeSpan HeadStart { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Pause after the first dial that failed, default 500 ms; doubles up to <see cref="MaxPause"/>, spread by a quarter either way.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest pause between two dials, default 15 s.</summary>
    public TimeSpan MaxPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDials, 1);
        foreach (TimeSpan time in (TimeSpan[])[DialLimit, FirstPause, MaxPause])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(HeadStart, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPause, FirstPause);
    }
}

/// <summary>Which members to dial when, so that there is a path to each. Pure; time and randomness come in.</summary>
/// <remarks>
/// A member that is not connected is dialled at once by the lower of the two, a little later by the other. A dial that fails is tried again after
/// pauses that double; the first failure is the news that there is no path, the next connection the news that there is one again.
/// </remarks>
/// <param name="options">Limits and pauses.</param>
/// <param name="self">This node.</param>
/// <param name="random">Spreads pauses.</param>
internal sealed class PathPlan(PathOptions options, PeerId self, Random random)
{
    private readonly Dictionary<PeerId, Missing> _missing = []; // members without a connection
    private readonly HashSet<PeerId> _dialing = []; // may hold one that is connected or no member meanwhile

    /// <summary>Members without a path: not connected, and a dial has failed.</summary>
    public IReadOnlyCollection<PeerId> WithoutPath => [.. _missing.Where(entry => entry.Value.Failures > 0).Select(entry => entry.Key)];

    /// <summary>Looks at the members and connections, and begins dials.</summary>
    /// <param name="members">The other members.</param>
    /// <param name="connected">The connected peers.</param>
    /// <param name="now">Time since any fixed start.</param>
    /// <returns>Whom to dial now, each to be ended with <see cref="Dialled"/>; and who had no path and has one again.</returns>
    public (IReadOnlyList<PeerId> Dial, IReadOnlyList<PeerId> Restored) Look(
        IReadOnlyCollection<PeerId> members, IReadOnlyCollection<PeerId> connected, TimeSpan now)
    {
        List<PeerId> restored = [];
        foreach (PeerId peer in _missing.Keys.Where(peer => connected.Contains(peer) || !members.Contains(peer)).ToArray())
        {
            if (_missing.Remove(peer, out Missing? entry) && entry.Failures > 0 && connected.Contains(peer))
            {
                restored.Add(peer);
            }
        }

        foreach (PeerId peer in members.Where(peer => peer != self && !connected.Contains(peer) && !_missing.ContainsKey(peer)))
        {
            _missing[peer] = new Missing { DialAt = self < peer ? now : now + (options.HeadStart * (1 + random.NextDouble())) };
        }

        List<PeerId> dial = [];
        foreach ((PeerId peer, Missing entry) in _missing.OrderBy(entry => entry.Value.DialAt))
        {
            if (entry.DialAt <= now && _dialing.Count < options.MaxDials && _dialing.Add(peer))
            {
                dial.Add(peer);
            }
        }

        return (dial, restored);
    }

    /// <summary>A dial ended.</summary>
    /// <returns>True when this is the news that the member has no path.</returns>
    public bool Dialled(PeerId peer, bool succeeded, TimeSpan now)
    {
        _dialing.Remove(peer);
        if (!_missing.TryGetValue(peer, out Missing? entry))
        {
            return false; // no member any more, or connected meanwhile
        }

        double pause = Math.Min(options.FirstPause.TotalSeconds * Math.Pow(2, Math.Min(entry.Failures, 20)), options.MaxPause.TotalSeconds);
        entry.DialAt = now + TimeSpan.FromSeconds(pause * (0.75 + (random.NextDouble() / 2)));
        entry.Failures += succeeded ? 0 : 1;
        return !succeeded && entry.Failures == 1;
    }

    /// <summary>When to look again though nothing happens; null: need not.</summary>
    public TimeSpan? NextLook =>
        _dialing.Count < options.MaxDials && _missing.Any(entry => !_dialing.Contains(entry.Key))
            ? _missing.Where(entry => !_dialing.Contains(entry.Key)).Min(entry => entry.Value.DialAt)
            : null;

    /// <summary>A member without a connection.</summary>
    private sealed class Missing
    {
        public TimeSpan DialAt { get; set; }

        public int Failures { get; set; }
    }
}
