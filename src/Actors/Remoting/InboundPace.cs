namespace P2PLearn.Actors.Remoting;

/// <summary>A leaky bucket over received bytes: says how long to wait before reading on.</summary>
/// <remarks>Pure: time comes in as elapsed time since any fixed start. One second's worth may come at once.</remarks>
internal struct InboundPace(int bytesPerSecond)
{
    private readonly double _bytesPerSecond = bytesPerSecond;
    private double _level;
    private TimeSpan _last;

    /// <summary>Counts bytes that came at a moment.</summary>
    /// <returns>Zero while within the rate, otherwise the time after which the bucket is no longer over-full.</returns>
    public TimeSpan Take(int bytes, TimeSpan now)
    {
        double drained = (now - _last).TotalSeconds * _bytesPerSecond;
        _last = now;
        _level = Math.Max(0, _level - drained) + bytes;
        double over = _level - _bytesPerSecond;
        return over <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(over / _bytesPerSecond);
    }
}
