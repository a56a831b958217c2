using System.Threading.Tasks.Sources;

namespace P2PLearn.Networking.Muxing;

/// <summary>The reading half of a stream: what the session's reader loop puts in, the stream's reader takes out.</summary>
/// <remarks>
/// The loop never waits here: what nobody reads stays in the buffer, bounded by the window that was granted. A waiting read gets the bytes
/// straight from the loop, without the buffer. One read at a time; it allocates nothing. Its own lock, never held together with another
/// but inside the session's gate.
/// </remarks>
internal sealed class YamuxReceiver : IValueTaskSource<int>
{
    private readonly Lock _gate = new();
    private readonly YamuxReceiveBuffer _buffer;
    private readonly YamuxStreamState _state;
    private ManualResetValueTaskSourceCore<int> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private Memory<byte> _waiting;
    private bool _isWaiting;
    private uint _unreported;
    private EndReason _end;

    /// <summary>Creates the half of an open stream.</summary>
    public YamuxReceiver(YamuxStreamState state, YamuxUnreadBytes unread)
    {
        _state = state;
        _buffer = new YamuxReceiveBuffer(unread);
    }

    /// <summary>Bytes came.</summary>
    /// <returns>How many read bytes to report to the session now; mostly 0.</returns>
    public uint Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_end != EndReason.None)
            {
                return 0; // reset while the body was on its way
            }

            if (!_isWaiting)
            {
                _buffer.Append(bytes);
                return 0;
            }

            int taken = Math.Min(bytes.Length, _waiting.Length);
            bytes[..taken].CopyTo(_waiting.Span);
            if (taken < bytes.Length)
            {
                _buffer.Append(bytes[taken..]);
            }

            StopWaiting();
            _source.SetResult(taken);
            return Report(taken);
        }
    }

    /// <summary>The remote has written its last byte: readers get 0 after what is buffered.</summary>
    public void Complete() => End(EndReason.Completed, dropsUnread: false);

    /// <summary>The stream broke. After <see cref="Complete"/> what is buffered stays readable, and nothing changes.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="dropsUnread">Whether what is buffered is lost.</param>
    public void Fail(EndReason reason, bool dropsUnread) => End(reason, dropsUnread);

    /// <summary>Nobody will read any more: drops what is buffered, and what will come.</summary>
    /// <returns>Whether something was dropped.</returns>
    public bool Discard()
    {
        lock (_gate)
        {
            bool hadUnread = _buffer.Length > 0;
            EndWaiting(EndReason.ClosedLocally);
            _end = EndReason.ClosedLocally;
            _buffer.Clear();
            return hadUnread;
        }
    }

    /// <summary>Reads at least one byte; 0 at the end.</summary>
    /// <param name="destination">Belongs to the receiver until the task ends.</param>
    /// <param name="report">How many read bytes to report to the session now.</param>
    /// <param name="cancellationToken">Ends the wait; no byte is lost by it.</param>
    public ValueTask<int> ReadAsync(Memory<byte> destination, out uint report, CancellationToken cancellationToken)
    {
        report = 0;
        lock (_gate)
        {
            if (_isWaiting)
            {
                throw new InvalidOperationException("The stream is being read already: one reader at a time.");
            }

            if (_buffer.Length > 0 || destination.IsEmpty)
            {
                int read = _buffer.Read(destination.Span);
                report = Report(read);
                return new ValueTask<int>(read);
            }

            if (_end != EndReason.None)
            {
                return _end == EndReason.Completed
                    ? new ValueTask<int>(0)
                    : ValueTask.FromException<int>(new StreamEndedException(_end, "Nothing more can be read"));
            }

            return Wait(destination, cancellationToken);
        }
    }

    private ValueTask<int> Wait(Memory<byte> destination, CancellationToken cancellationToken)
    {
        _source.Reset();
        _waiting = destination;
        _isWaiting = true;
        short version = _source.Version;
        _registration = cancellationToken.UnsafeRegister(
            static (receiver, token) => ((YamuxReceiver)receiver!).Cancel(token), this);
        return new ValueTask<int>(this, version);
    }

    private void Cancel(CancellationToken token)
    {
        lock (_gate)
        {
            if (_isWaiting)
            {
                StopWaiting();
                _source.SetException(new OperationCanceledException(token));
            }
        }
    }

    private void End(EndReason reason, bool dropsUnread)
    {
        lock (_gate)
        {
            if (_end != EndReason.None)
            {
                return;
            }

            _end = reason;
            EndWaiting(reason);
            if (dropsUnread)
            {
                _buffer.Clear();
            }
        }
    }

    private void EndWaiting(EndReason reason)
    {
        if (!_isWaiting)
        {
            return;
        }

        StopWaiting();
        if (reason == EndReason.Completed)
        {
            _source.SetResult(0);
        }
        else
        {
            _source.SetException(new StreamEndedException(reason, "The read failed"));
        }
    }

    private void StopWaiting()
    {
        _isWaiting = false;
        _waiting = default;
    }

    private uint Report(int read)
    {
        _unreported += (uint)read;
        if (_unreported < _state.ReportThreshold)
        {
            return 0;
        }

        uint report = _unreported;
        _unreported = 0;
        return report;
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        _registration.Dispose(); // waits for a cancellation under way, so that it cannot hit the next read
        return _source.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
