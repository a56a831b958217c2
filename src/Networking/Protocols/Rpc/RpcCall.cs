using System.Runtime.CompilerServices;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>One streamed call, seen from either end: messages both ways on a stream of its own, until each side has ended.</summary>
/// <remarks>
/// Back-pressure is the stream's: a write waits until the peer reads. One reader and one writer at a time; the two may overlap. Cancelling any
/// read or write ends the whole call, and the peer hears of it. The caller disposes the call; one that both sides ended in order gives its
/// stream to the next call, any other is reset. The callee's call ends with its handler.
/// </remarks>
public sealed class RpcCall : IAsyncDisposable
{
    private readonly RpcCallStream _stream;
    private readonly RpcCallLimits _limits;
    private readonly CancellationTokenSource? _over; // the callee's handler's token
    private readonly ITimer? _timer;
    private readonly Func<RpcCall, Exception?, ValueTask>? _release;
    private Exception? _failure;
    private long _streamBytes;
    private int _messageBytesLeft;
    private volatile bool _hasEnded;
    private volatile bool _peerHasEnded;

    /// <summary>Creates one end of a call.</summary>
    /// <param name="stream">The stream, on which a header is awaited.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="limits">What it may take.</param>
    /// <param name="time">The clock of the deadline.</param>
    /// <param name="release">The caller's end: what becomes of the stream. Null: this is the callee's end.</param>
    internal RpcCall(RpcCallStream stream, string method, RpcCallLimits limits, TimeProvider time, Func<RpcCall, Exception?, ValueTask>? release)
    {
        _stream = stream;
        _limits = limits;
        _release = release;
        Method = method;
        if (release is null)
        {
            _over = new CancellationTokenSource();
        }

        stream.OnAhead = OnAhead;
        if (limits.Timeout != Timeout.InfiniteTimeSpan)
        {
            _timer = time.CreateTimer(static call => ((RpcCall)call!).OnTimeout(), this, limits.Timeout, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The other end.</summary>
    public PeerId Peer => _stream.Peer;

    /// <summary>The method's name.</summary>
    public string Method { get; }

    /// <summary>Fires when the call is over for the callee's handler.</summary>
    internal CancellationToken Over => _over?.Token ?? CancellationToken.None;

    /// <summary>The stream under it.</summary>
    internal RpcCallStream Stream => _stream;

    /// <summary>Why it cannot go on; null while it can.</summary>
    internal Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Both sides said their last frame: the stream can carry another call.</summary>
    internal bool IsComplete { get; private set; }

    private bool IsCaller => _release is not null;

    /// <summary>Sends one message, straight from its memory when it is long; when the task ends the memory is free again.</summary>
    /// <exception cref="RpcException">The peer refused or ended the call, was lost, or the time is over.</exception>
    /// <exception cref="OperationCanceledException">The token fired; the call is over.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        ThrowIfFailed();
        InvalidOperation(_hasEnded, "nothing can be written after the end");
        using CancellationTokenRegistration registration = CancelWith(cancellationToken);
        try
        {
            await _stream.WriteMessageAsync(message).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw Fail(error);
        }
    }

    /// <summary>Says that no more messages come from this caller. A callee says it by returning from its handler.</summary>
    /// <exception cref="RpcException">As for <see cref="WriteAsync"/>.</exception>
    public ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        InvalidOperation(!IsCaller, "the callee completes by returning from its handler");
        return EndAsync(cancellationToken);
    }

    /// <summary>Waits for the next message; what is left of the one before is dropped.</summary>
    /// <returns>Its length in bytes, not above the call's limit; -1 when the peer has ended and the call with it is Ok.</returns>
    /// <exception cref="RpcException">The peer failed the call, was lost, sent more than allowed, or the time is over.</exception>
    /// <exception cref="OperationCanceledException">The token fired; the call is over.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> NextAsync(CancellationToken cancellationToken)
    {
        if (_peerHasEnded && Failure is null)
        {
            return -1;
        }

        using CancellationTokenRegistration registration = CancelWith(cancellationToken);
        try
        {
            await SkipRestAsync().ConfigureAwait(false);
            return Step(await _stream.TakeAheadAsync().ConfigureAwait(false));
        }
        catch (Exception error) when (error is IOException or ProtocolViolationException)
        {
            throw Fail(error);
        }
    }

    /// <summary>Reads from the current message straight into <paramref name="buffer"/>.</summary>
    /// <returns>How many bytes; 0 when the message has been read whole.</returns>
    /// <exception cref="RpcException">As for <see cref="NextAsync"/>.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_messageBytesLeft == 0 || buffer.Length == 0)
        {
            return 0;
        }

        using CancellationTokenRegistration registration = CancelWith(cancellationToken);
        try
        {
            int count = Math.Min(buffer.Length, _messageBytesLeft);
            count = await _stream.ReadSomeAsync(buffer[..count]).ConfigureAwait(false);
            Took(count);
            return count;
        }
        catch (IOException error)
        {
            throw Fail(error);
        }
    }

    /// <summary>Fills <paramref name="buffer"/> from the current message.</summary>
    /// <exception cref="RpcException">InvalidArgument: the message is shorter. Else as for <see cref="NextAsync"/>.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ReadExactlyAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (buffer.Length > 0)
        {
            int count = await ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                throw new RpcException(RpcStatus.InvalidArgument, $"a message {buffer.Length} bytes shorter than expected");
            }

            buffer = buffer[count..];
        }
    }

    /// <summary>Reads the next message whole, into pooled memory that the caller disposes.</summary>
    /// <param name="maxBytes">Longest message taken, checked before memory is.</param>
    /// <param name="cancellationToken">Ends the whole call.</param>
    /// <returns>Null when the peer has ended.</returns>
    /// <exception cref="RpcException">ResourceExhausted: longer than <paramref name="maxBytes"/>. Else as for <see cref="NextAsync"/>.</exception>
    public async ValueTask<RpcPayload?> ReadMessageAsync(int maxBytes, CancellationToken cancellationToken)
    {
        int length = await NextAsync(cancellationToken).ConfigureAwait(false);
        if (length < 0)
        {
            return null;
        }

        if (length > maxBytes)
        {
            throw new RpcException(RpcStatus.ResourceExhausted, $"a message of {length} bytes, accepted are {maxBytes}");
        }

        RpcPayload message = RpcPayload.Rent(length);
        try
        {
            await ReadExactlyAsync(message.Writable, cancellationToken).ConfigureAwait(false);
            return message;
        }
        catch
        {
            message.Dispose();
            throw;
        }
    }

    /// <summary>Completes this side, then reads the single message with which a client-streamed call is answered, and the end.</summary>
    /// <exception cref="RpcException">Internal: not exactly one message. Else as for <see cref="ReadMessageAsync"/>.</exception>
    public async ValueTask<RpcPayload> FinishAsync(int maxBytes, CancellationToken cancellationToken)
    {
        if (!_hasEnded)
        {
            await CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        RpcPayload answer = await ReadMessageAsync(maxBytes, cancellationToken).ConfigureAwait(false)
            ?? throw new RpcException(RpcStatus.Internal, "the call ended without an answer");
        try
        {
            if (await NextAsync(cancellationToken).ConfigureAwait(false) >= 0)
            {
                throw new RpcException(RpcStatus.Internal, "the call was answered with more than one message");
            }

            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        Exception? failure = Interlocked.Exchange(ref _failure, new ObjectDisposedException(nameof(RpcCall)));
        if (_release is not null && failure is not ObjectDisposedException)
        {
            await _release(this, failure).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the call at once: pending reads and writes fail with <paramref name="failure"/>, and the peer hears of it.</summary>
    internal void Abort(Exception failure, EndReason reason)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is null)
        {
            _stream.Reset(reason);
            CancelHandler();
        }
    }

    /// <summary>Writes the last frame of this side.</summary>
    internal async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        ThrowIfFailed();
        InvalidOperation(_hasEnded, "the end was written before");
        using CancellationTokenRegistration registration = CancelWith(cancellationToken);
        try
        {
            await _stream.WriteEndAsync().ConfigureAwait(false);
            _hasEnded = true;
            IsComplete = _peerHasEnded;
        }
        catch (IOException error)
        {
            throw Fail(error);
        }
    }

    /// <summary>The callee's last frame when its handler failed.</summary>
    internal async ValueTask EndAsync(RpcException failure)
    {
        await _stream.WriteFailureAsync(failure).ConfigureAwait(false);
        _hasEnded = true;
        IsComplete = _peerHasEnded;
    }

    /// <summary>The callee, after its last frame: reads and drops what the caller still says, so that the stream can carry another call.</summary>
    /// <exception cref="RpcException">The caller does not come to an end within the limits, or is gone.</exception>
    internal async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        while (await NextAsync(cancellationToken).ConfigureAwait(false) >= 0)
        {
        }
    }

    private static void InvalidOperation(bool isInvalid, string what)
    {
        if (isInvalid)
        {
            throw new InvalidOperationException(what);
        }
    }

    private CancellationTokenRegistration CancelWith(CancellationToken cancellationToken) => cancellationToken.UnsafeRegister(
        static (call, token) => ((RpcCall)call!).Abort(new OperationCanceledException(token), EndReason.ClosedLocally), this);

    private void OnTimeout() => Abort(new RpcException(RpcStatus.DeadlineExceeded, "the call's time is over"), EndReason.Timeout);

    /// <summary>What the header means; the state moves on.</summary>
    private int Step(RpcFrame? frame)
    {
        switch (frame)
        {
            case { Kind: RpcFrameKind.Message } message:
                return BeginMessage(message.Length);
            case { Kind: RpcFrameKind.End }:
                _peerHasEnded = true;
                IsComplete = _hasEnded;
                _stream.LookAhead(); // for its loss, or the next call
                return -1;
            case { Kind: RpcFrameKind.Failure } failure when IsCaller:
                var refusal = new RpcException((RpcStatus)failure.Code, _stream.Text);
                Interlocked.CompareExchange(ref _failure, refusal, null);
                IsComplete = _hasEnded;
                _stream.LookAhead();
                throw refusal;
            case null:
                throw new EndOfStreamException("the peer closed the stream within the call");
            default:
                throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Value.Kind} within a streamed call");
        }
    }

    private int BeginMessage(uint length)
    {
        _messageBytesLeft = (int)length;
        _streamBytes += length;
        if (length == 0)
        {
            _stream.LookAhead();
        }

        bool isDraining = _hasEnded && !IsCaller;
        if (!isDraining && (length > _limits.MaxMessageBytes || _streamBytes > _limits.MaxStreamBytes))
        {
            throw new RpcException(
                RpcStatus.ResourceExhausted,
                $"a message of {length} bytes, accepted are {_limits.MaxMessageBytes} and {_limits.MaxStreamBytes} in all");
        }

        return (int)length;
    }

    private async ValueTask SkipRestAsync()
    {
        ThrowIfFailed();
        if (_messageBytesLeft > 0)
        {
            await _stream.SkipAsync(_messageBytesLeft).ConfigureAwait(false);
            Took(_messageBytesLeft);
        }
    }

    private void Took(int count)
    {
        _messageBytesLeft -= count;
        if (_messageBytesLeft == 0)
        {
            _stream.LookAhead();
        }
    }

    /// <summary>A header arrived, perhaps while nobody reads: a refusal ends a caller that still writes, a loss ends a handler that works.</summary>
    private void OnAhead(RpcFrame? frame, Exception? error)
    {
        if (IsComplete)
        {
            return; // it is the next call that is awaited here
        }

        if (error is not null)
        {
            Fail(error);
        }
        else if (frame is null)
        {
            Fail(new EndOfStreamException("the peer closed the stream within the call"));
        }
        else if (frame.Value.Kind == RpcFrameKind.Failure && IsCaller && !_hasEnded)
        {
            Abort(new RpcException((RpcStatus)frame.Value.Code, _stream.Text), EndReason.ClosedLocally);
        }
    }

    /// <summary>The first failure wins: the exception to throw.</summary>
    private Exception Fail(Exception error)
    {
        RpcException failure = IsCaller
            ? new RpcException(RpcStatus.Unavailable, $"{Peer.ToShortString()} was lost within the call", error)
            : new RpcException(RpcStatus.Cancelled, "the caller gave up", error);
        Abort(failure, error is ProtocolViolationException violation ? violation.Reason : EndReason.ClosedLocally);
        return Failure!;
    }

    private void ThrowIfFailed()
    {
        if (Failure is { } failure)
        {
            throw failure;
        }
    }

    private void CancelHandler()
    {
        if (_over is { } over)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static over => over.Cancel(), over, preferLocal: false); // it runs the handler's callbacks
        }
    }
}
