namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>One of those that share: has at most one wish at a time.</summary>
internal abstract class FairTurn
{
    protected FairTurn() => Node = new LinkedListNode<FairTurn>(this);

    /// <summary>Bytes asked for; the share's to set.</summary>
    internal int Wanted { get; set; }

    /// <summary>Its place in the queue, made once.</summary>
    internal LinkedListNode<FairTurn> Node { get; }
}

/// <summary>Deals a rate of bytes out to many in turns.</summary>
/// <remarks>
/// Deficit round robin (Shreedhar and Varghese, 1995) in its simplest form: each flow has one wish at a time and is served in the
/// order of asking, at most one quantum a turn. The quantum shrinks with the number of those that wait, so that a round lasts
/// about <see cref="Round"/> and one with little to send waits no longer than that, however greedy the others are. A turn may
/// overdraw the bucket, which is paid back before the next. Pure: the time comes in. Not safe for several threads.
/// </remarks>
/// <param name="bytesPerSecond">The rate, above 0.</param>
/// <param name="maxQuantum">Most bytes of one turn.</param>
internal sealed class FairShare(long bytesPerSecond, int maxQuantum)
{
    /// <summary>How long a round of turns should last.</summary>
    public static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);

    /// <summary>Fewest bytes of a turn: below that, writing costs more than it gives.</summary>
    public const int MinQuantum = 2048;

    private static readonly TimeSpan BurstTime = TimeSpan.FromMilliseconds(50);
    private readonly LinkedList<FairTurn> _queue = [];
    private readonly double _burst = Math.Max(maxQuantum, bytesPerSecond * BurstTime.TotalSeconds);
    private double _tokens = Math.Max(maxQuantum, bytesPerSecond * BurstTime.TotalSeconds);
    private TimeSpan _filledAt = TimeSpan.MinValue;

    /// <summary>Those that wait.</summary>
    public int WaitingCount => _queue.Count;

    /// <summary>Most bytes of the next turn.</summary>
    public int Quantum => (int)Math.Clamp(
        bytesPerSecond * Round.TotalSeconds / (_queue.Count + 1), Math.Min(MinQuantum, maxQuantum), maxQuantum);

    /// <summary>Takes bytes at once, unless somebody waits.</summary>
    /// <returns>How many, at most <paramref name="wanted"/>; 0 to wait.</returns>
    public int TryTake(int wanted, TimeSpan now)
    {
        Fill(now);
        return _queue.Count > 0 || _tokens <= 0 ? 0 : Take(wanted);
    }

    /// <summary>Waits for a turn.</summary>
    public void Wait(FairTurn turn, int wanted)
    {
        turn.Wanted = wanted;
        _queue.AddLast(turn.Node);
    }

    /// <summary>Gives a wish up.</summary>
    /// <returns>Whether it waited.</returns>
    public bool Leave(FairTurn turn)
    {
        if (turn.Node.List != _queue)
        {
            return false;
        }

        _queue.Remove(turn.Node);
        return true;
    }

    /// <summary>The next turn, when it is time.</summary>
    /// <param name="now">The time.</param>
    /// <param name="granted">Its bytes, at least 1.</param>
    public FairTurn? Next(TimeSpan now, out int granted)
    {
        granted = 0;
        Fill(now);
        if (_queue.First is not { } first || _tokens <= 0)
        {
            return null;
        }

        granted = Take(first.Value.Wanted);
        _queue.Remove(first);
        return first.Value;
    }

    /// <summary>How long until the next turn; null when nobody waits.</summary>
    public TimeSpan? UntilNext(TimeSpan now)
    {
        Fill(now);
        return _queue.Count == 0 ? null : TimeSpan.FromSeconds(Math.Max(0, 1 - _tokens) / bytesPerSecond);
    }

    private int Take(int wanted)
    {
        int taken = Math.Min(wanted, Quantum);
        _tokens -= taken;
        return taken;
    }

    private void Fill(TimeSpan now)
    {
        if (_filledAt != TimeSpan.MinValue && now > _filledAt)
        {
            _tokens = Math.Min(_burst, _tokens + ((now - _filledAt).TotalSeconds * bytesPerSecond));
        }

        _filledAt = now;
    }
}
