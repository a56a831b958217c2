namespace P2PLearn.Networking.Muxing;

/// <summary>When to ping, when the remote is dead, and the round-trip time.</summary>
/// <remarks>
/// Source: yamux specification, Ping. At most one question is open. Any byte from the remote is a sign of life, because the answer may
/// stand in line behind megabytes of data on a slow link. Answers to questions never asked are ignored. While we send and hear nothing
/// the question comes sooner and waits less: a router that lost its table swallows what we send without a word. Pure.
/// </remarks>
internal sealed class YamuxKeepAlive
{
    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private readonly TimeSpan _silence;
    private readonly TimeSpan _silenceTimeout;
    private uint _value;
    private bool _isOpen;
    private TimeSpan _askedAt;
    private TimeSpan _sentAt;
    private TimeSpan _heardAt;
    private TimeSpan? _unansweredSince; // data of ours went out, and nothing came since

    /// <summary>Starts with a question to be sent at once, so that a round-trip time is known early.</summary>
    /// <param name="interval">Between two questions.</param>
    /// <param name="timeout">How long after a question the remote may stay silent.</param>
    /// <param name="silence">How long after data of ours it may stay silent before it is asked.</param>
    /// <param name="silenceTimeout">How long it may then go on being silent, or three round trips if those are longer.</param>
    public YamuxKeepAlive(TimeSpan interval, TimeSpan timeout, TimeSpan silence, TimeSpan silenceTimeout)
    {
        _interval = interval;
        _timeout = timeout;
        _silence = silence;
        _silenceTimeout = silenceTimeout;
        _isOpen = true;
        IsDue = true;
    }

    /// <summary>Whether a question waits to be sent.</summary>
    public bool IsDue { get; private set; }

    /// <summary>The last measured round-trip time.</summary>
    public TimeSpan? RoundTripTime { get; private set; }

    /// <summary>Bytes came from the remote.</summary>
    public void OnHeard(TimeSpan now)
    {
        _heardAt = now;
        _unansweredSince = null;
    }

    /// <summary>Data goes to the remote, which will answer somehow: with a window update at least.</summary>
    public void OnSent(TimeSpan now) => _unansweredSince ??= now;

    /// <summary>Looks at the clock: asks when the interval has passed.</summary>
    /// <returns>False when the remote has been silent for too long after a question.</returns>
    public bool OnTick(TimeSpan now)
    {
        if (_isOpen)
        {
            return now - (_heardAt > _askedAt ? _heardAt : _askedAt) < Patience(now);
        }

        if (now - _askedAt >= _interval || IsSilent(now))
        {
            (_isOpen, IsDue, _askedAt) = (true, true, now);
        }

        return true;
    }

    private bool IsSilent(TimeSpan now) => _unansweredSince is { } since && now - since >= _silence;

    private TimeSpan Patience(TimeSpan now)
    {
        TimeSpan slow = (RoundTripTime ?? TimeSpan.Zero) * 3;
        TimeSpan patience = slow > _silenceTimeout ? slow : _silenceTimeout;
        return IsSilent(now) && patience < _timeout ? patience : _timeout;
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
