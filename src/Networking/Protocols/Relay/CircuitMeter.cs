using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>The two directions of a circuit.</summary>
internal enum CircuitWay
{
    /// <summary>From who asked for it.</summary>
    ToTarget = 0,

    /// <summary>From who holds the slot.</summary>
    ToSource = 1,
}

/// <summary>Counts what a circuit carries, and says when it has to end.</summary>
/// <remarks>Pure: the time comes in, counted from the circuit's beginning. One thread for each way, and one that asks.</remarks>
/// <param name="limit">What it was granted; null for no limit.</param>
/// <param name="idle">How long nothing may pass.</param>
internal sealed class CircuitMeter(LinkLimit? limit, TimeSpan idle)
{
    private readonly long[] _bytes = new long[2];
    private readonly long _maxBytes = limit?.Bytes ?? long.MaxValue;
    private long _lastTicks;

    /// <summary>Bytes carried, both ways.</summary>
    public long TotalBytes => Volatile.Read(ref _bytes[0]) + Volatile.Read(ref _bytes[1]);

    /// <summary>Most bytes to read next: one past the limit, so that passing it shows.</summary>
    public int NextRead(CircuitWay way, int most) => (int)Math.Min(most - 1, _maxBytes - _bytes[(int)way]) + 1;

    /// <summary>Counts bytes read.</summary>
    /// <returns>False past the limit: they must not be passed on.</returns>
    public bool TryCount(CircuitWay way, int bytes, TimeSpan now)
    {
        Volatile.Write(ref _lastTicks, now.Ticks);
        ref long count = ref _bytes[(int)way];
        if (bytes > _maxBytes - count)
        {
            return false;
        }

        Volatile.Write(ref count, count + bytes);
        return true;
    }

    /// <summary>Whether the circuit's time is over.</summary>
    /// <param name="now">The time.</param>
    /// <param name="wait">When not: how long until it is asked again.</param>
    /// <returns><see cref="EndReason.LimitReached"/> past its duration, <see cref="EndReason.Timeout"/> when nothing passed
    /// for too long, else <see cref="EndReason.None"/>.</returns>
    public EndReason Check(TimeSpan now, out TimeSpan wait)
    {
        TimeSpan idleEnd = new TimeSpan(Volatile.Read(ref _lastTicks)) + idle;
        TimeSpan end = limit?.Duration ?? TimeSpan.MaxValue;
        wait = (end < idleEnd ? end : idleEnd) - now;
        if (now >= end)
        {
            return EndReason.LimitReached;
        }

        return now >= idleEnd ? EndReason.Timeout : EndReason.None;
    }
}
