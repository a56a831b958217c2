namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>One timer for the deadlines of many calls: it is set for the earliest and looks at all of them when it fires.</summary>
/// <remarks>As most calls end long before their time, the timer is hardly ever set. Used under the gate of the lane that owns it.</remarks>
internal sealed class RpcDeadlines : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private long _armedFor = long.MaxValue;

    /// <summary>Creates it unarmed.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="sweep">Runs on a thread of the pool: ends what is over, then calls <see cref="Rearm"/>.</param>
    public RpcDeadlines(TimeProvider time, Action sweep)
    {
        _time = time;
        _timer = time.CreateTimer(static sweep => ((Action)sweep!)(), sweep, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The timestamp of a time from now; <see cref="long.MaxValue"/> for <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    public static long DueIn(TimeProvider time, TimeSpan timeout) => timeout == Timeout.InfiniteTimeSpan
        ? long.MaxValue
        : time.GetTimestamp() + (long)(timeout.TotalSeconds * time.TimestampFrequency);

    /// <summary>What is left until a timestamp, not below zero; null for never.</summary>
    public static TimeSpan? LeftUntil(TimeProvider time, long due)
    {
        if (due == long.MaxValue)
        {
            return null;
        }

        TimeSpan left = time.GetElapsedTime(time.GetTimestamp(), due);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Makes sure that the sweep runs when this time has come.</summary>
    public void Watch(long due)
    {
        if (due < _armedFor)
        {
            Arm(due);
        }
    }

    /// <summary>After a sweep: the earliest time that is left; <see cref="long.MaxValue"/>: none.</summary>
    public void Rearm(long earliest)
    {
        _armedFor = long.MaxValue;
        Watch(earliest);
    }

    public void Dispose() => _timer.Dispose();

    private void Arm(long due)
    {
        _armedFor = due;
        TimeSpan left = LeftUntil(_time, due)!.Value + TimeSpan.FromMilliseconds(1); // timers may fire a little early
        _timer.Change(left < RpcFrame.MaxTimeout ? left : RpcFrame.MaxTimeout, Timeout.InfiniteTimeSpan);
    }
}
