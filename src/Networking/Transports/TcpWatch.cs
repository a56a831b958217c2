namespace P2PLearn.Networking.Transports;

/// <summary>Looks after what a TCP connection has sent, and tells when the way swallows it: as a router does that lost its table.</summary>
/// <remarks>Looks only while something is unacknowledged. Safe for several threads.</remarks>
internal sealed class TcpWatch : IDisposable
{
    private const int LooksPerLimit = 6;

    private readonly Func<TcpProgress?> _read;
    private readonly TimeSpan _limit;
    private readonly Action _swallowed;
    private readonly ITimer _timer;
    private int _isLooking;

    /// <param name="read">Asks the system; null when it does not say.</param>
    /// <param name="limit">How long the remote's system may be silent while bytes of ours are on their way.</param>
    /// <param name="time">The clock.</param>
    /// <param name="swallowed">Called when it was silent for so long.</param>
    public TcpWatch(Func<TcpProgress?> read, TimeSpan limit, TimeProvider time, Action swallowed)
    {
        (_read, _limit, _swallowed) = (read, limit, swallowed);
        _timer = time.CreateTimer(static watch => ((TcpWatch)watch!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something was sent.</summary>
    public void OnSent()
    {
        if (Interlocked.Exchange(ref _isLooking, 1) == 0)
        {
            _timer.Change(_limit / LooksPerLimit, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        Volatile.Write(ref _isLooking, 0); // before the look: what is sent from now on begins another
        TcpProgress? progress = _read();
        if (progress?.IsSwallowed(_limit) == true)
        {
            _swallowed();
        }
        else if (progress?.Unacknowledged > 0)
        {
            OnSent();
        }
    }
}
