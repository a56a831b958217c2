namespace P2PLearn.Learning.Rounds;

/// <summary>How long the last contributions took, and the deadline that follows from it.</summary>
/// <remarks>Median and median absolute deviation: fewer than half of the participants cannot move the deadline far.</remarks>
internal sealed class ArrivalDelays(RoundOptions options)
{
    private const int FewestForEstimate = 4;
    private readonly long[] _ticks = new long[options.DelayWindow];
    private readonly long[] _sorted = new long[options.DelayWindow];
    private int _count;
    private int _next;

    /// <summary>Takes a delay after one's own commit; negative counts as none.</summary>
    public void Add(TimeSpan delay)
    {
        _ticks[_next] = Math.Clamp(delay.Ticks, 0, options.QuorumTimeout.Ticks);
        _next = (_next + 1) % _ticks.Length;
        _count = Math.Min(_count + 1, _ticks.Length);
    }

    /// <summary>median + k·MAD, within the options' bounds; the longest while little is known.</summary>
    public TimeSpan Deadline()
    {
        if (_count < FewestForEstimate)
        {
            return options.MaxDeadline;
        }

        Span<long> values = _sorted.AsSpan(0, _count);
        _ticks.AsSpan(0, _count).CopyTo(values);
        long median = Median(values);
        foreach (ref long value in values)
        {
            value = Math.Abs(value - median);
        }

        double deadline = median + (options.DeadlineSpread * Median(values));
        return new TimeSpan((long)Math.Clamp(deadline, options.MinDeadline.Ticks, options.MaxDeadline.Ticks));
    }

    private static long Median(Span<long> values)
    {
        values.Sort();
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}
