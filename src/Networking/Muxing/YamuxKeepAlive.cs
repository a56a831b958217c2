namespace P2PLearn.Networking.Muxing;

/// <summary>When to ping, when the remote is dead, and the round-trip time.</summary>
/// <remarks>
/// Source: yamux specification, Ping. At most one question is open. Any byte from the remote is a sign of life, because the answer may
/// stand in line behind megabytes of data on a slow link. Answers to questions never asked are ignored. Pure.
/// </remarks>
internal sealed class YamuxKeepAlive
{
    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private uint _value;
    private bool _isOpen;
    private TimeSpan _askedAt;
    private TimeSpan _sentAt;
    private TimeSpan _heardAt;

    /// <summary>Starts with a question to be sent at once, so that a round-trip time is known early.</summary>
    public YamuxKeepAlive(TimeSpan interval, TimeSpan timeout)
    {
        _interval = interval;
        _timeout = timeout;
        _isOpen = true;
        IsDue = true;
    }

    /// <summary>Whether a question waits to be sent.</summary>
    public bool IsDue { get; private set; }

    /// <summary>The last measured round-trip time.</summary>
    public TimeSpan? RoundTripTime { get; private set; }

    /// <summary>Bytes came from the remote.</summary>
    public void OnHeard(TimeSpan now) => _heardAt = now;

    /// <summary>Looks at the clock: asks when the interval has passed.</summary>
    /// <returns>False when the remote has been silent for too long after a question.</returns>
    public bool OnTick(TimeSpan now)
    {
        if (_isOpen)
        {
            return now - (_heardAt > _askedAt ? _heardAt : _askedAt) < _timeout;
        }

        if (now - _askedAt >= _interval)
        {
            (_isOpen, IsDue, _askedAt) = (true, true, now);
        }

        return true;
    }

    /// <summary>Takes the question that is due; its answer will repeat the value.</summary>
    public uint TakeQuestion(TimeSpan now)
    {
        (IsDue, _sentAt) = (false, now);
        return ++_value;
    }

    /// <summary>An answer came.</summary>
    public void OnAnswer(uint value, TimeSpan now)
    {
        if (!_isOpen || IsDue || value != _value)
        {
            return;
        }

        _isOpen = false;
        RoundTripTime = now - _sentAt;
    }
}
