namespace P2PLearn.Actors.Remoting;

/// <summary>When the opener of an association tries the next stream after one broke, and when it gives up. Pure; time comes in.</summary>
/// <remarks>
/// At once at first: most breaks are over when they are seen. Then after pauses that double. A stream that lived shorter than
/// <see cref="SettledAfter"/> counts as one more failure, so that a path that comes and goes is not redialled without a pause.
/// </remarks>
/// <param name="limit">Time from a break within which the association has to go on.</param>
/// <param name="maxPause">Longest pause, before it is spread.</param>
/// <param name="random">Spreads the pauses of many associations that broke together.</param>
internal sealed class ResumePlan(TimeSpan limit, TimeSpan maxPause, Random random)
{
    /// <summary>Pause after the first failure; doubles.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Life of a stream after which the next break is a new story.</summary>
    public static readonly TimeSpan SettledAfter = TimeSpan.FromSeconds(1);

    private TimeSpan? _brokeAt;
    private TimeSpan? _resumedAt;
    private int _failures;

    /// <summary>The stream broke.</summary>
    public void Broke(TimeSpan now)
    {
        _failures = _resumedAt is { } since && now - since < SettledAfter ? _failures + 1 : 0;
        _brokeAt = now;
    }

    /// <summary>A try failed.</summary>
    public void Failed() => _failures++;

    /// <summary>The association went on.</summary>
    /// <returns>Time since the break; zero when it moved without one.</returns>
    public TimeSpan Resumed(TimeSpan now)
    {
        TimeSpan took = _brokeAt is { } since ? now - since : TimeSpan.Zero;
        _resumedAt = now;
        _brokeAt = null;
        return took;
    }

    /// <summary>Time that is left; zero or less: give up.</summary>
    public TimeSpan Left(TimeSpan now) => _brokeAt is { } since ? limit - (now - since) : limit;

    /// <summary>Pause before the next try.</summary>
    public TimeSpan Pause()
    {
        if (_failures == 0)
        {
            return TimeSpan.Zero;
        }

        TimeSpan pause = FirstPause * Math.Pow(2, Math.Min(_failures - 1, 10));
        return (pause < maxPause ? pause : maxPause) * (0.75 + (random.NextDouble() / 2));
    }
}
