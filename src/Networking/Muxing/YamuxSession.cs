using System.Threading.Channels;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Muxing;

/// <summary>A yamux session over a link: many streams with back-pressure of their own.</summary>
/// <remarks>
/// Source: yamux specification, <c>/yamux/1.0.0</c>. The rules are in <see cref="YamuxSessionState"/>; this is the shell that owns the link,
/// one reader loop that never waits for a stream's reader, one writer loop that hands many frames to the link in one write, and a ticker for
/// deadlines. Every decision is made under one gate, which is never held across an await. Safe for several threads.
/// </remarks>
public sealed class YamuxSession : IMuxedSession
{
    /// <summary>The protocol id by which the muxer is negotiated.</summary>
    public const string ProtocolId = "/yamux/1.0.0";

    private const int EveryWaiter = 1 << 24; // more than can wait, so that each sees that the session is over
    private readonly Lock _gate = new();
    private readonly ILink _link;
    private readonly YamuxOptions _options;
    private readonly TimeProvider _time;
    private readonly long _startedAt;
    private readonly YamuxUnreadBytes _unread = new();
    private readonly YamuxSessionState _state;
    private readonly YamuxSender _sender;
    private readonly YamuxSignal _wake = new();
    private readonly SemaphoreSlim _openSlots;
    private readonly Channel<YamuxStream> _accepted;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<EndReason> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _run = Task.CompletedTask;
    private volatile EndReason _end;
    private bool _isOrderly;
    private YamuxGoAwayCode? _lastWord;

    private YamuxSession(ILink link, bool isClient, YamuxOptions options, TimeProvider time)
    {
        _link = link;
        _options = options;
        _time = time;
        _startedAt = time.GetTimestamp();
        _state = new YamuxSessionState(isClient, options, _unread);
        _sender = new YamuxSender(_state, options);
        _openSlots = new SemaphoreSlim(options.MaxUnacknowledgedOpens);

        // The state admits no more than AcceptBacklog streams that wait here, so a write to the channel never fails for want of room.
        _accepted = Channel.CreateBounded<YamuxStream>(
            new BoundedChannelOptions(options.AcceptBacklog) { FullMode = BoundedChannelFullMode.Wait });
    }

    /// <inheritdoc/>
    public Task<EndReason> Completion => _completion.Task;

    /// <inheritdoc/>
    public TimeSpan? RoundTripTime
    {
        get
        {
            lock (_gate)
            {
                return _state.RoundTripTime;
            }
        }
    }

    /// <inheritdoc/>
    public int OpenStreamCount
    {
        get
        {
            lock (_gate)
            {
                return _state.StreamCount;
            }
        }
    }

    /// <summary>Received bytes that nobody has read yet, over all streams; at most <see cref="YamuxOptions.MaxUnreadBytes"/>.</summary>
    public long UnreadBytes => _unread.Count;

    internal TimeSpan Now => _time.GetElapsedTime(_startedAt);

    /// <summary>Starts a session on a link.</summary>
    /// <param name="link">Owned by the session from now on; nobody else may read or write it.</param>
    /// <param name="isClient">The agreed role, not who called connect: exactly one side must be the client.</param>
    /// <param name="options">Limits and deadlines.</param>
    /// <param name="time">The clock of all deadlines.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public static YamuxSession Start(ILink link, bool isClient, YamuxOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(link);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        options.Validate();
        var session = new YamuxSession(link, isClient, options, time);
        session._run = Task.Run(session.RunAsync);
        return session;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The remote hears of the stream with its first write, close or read, or within five seconds: opening and the first bytes are one frame.
    /// </remarks>
    public async ValueTask<MuxedStream> OpenStreamAsync(CancellationToken cancellationToken)
    {
        await _openSlots.WaitAsync(cancellationToken).ConfigureAwait(false); // completes at once when there is a slot
        lock (_gate)
        {
            if (_end == EndReason.None && _state.TryOpen(Now) is { } state)
            {
                return new YamuxStream(this, state, _unread);
            }
        }

        _openSlots.Release();
        EndReason reason = _end != EndReason.None ? _end
            : _state.IsRemoteGoingAway ? EndReason.ClosedByRemote : EndReason.LimitReached;
        throw new StreamEndedException(reason, "The session opens no more streams");
    }

    /// <inheritdoc/>
    public async ValueTask<MuxedStream?> AcceptStreamAsync(CancellationToken cancellationToken)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out YamuxStream? stream) && TryAccept(stream))
            {
                return stream;
            }
        }

        return null;
    }

    /// <summary>Sends what was written, says go away, and closes the link; streams that are still open fail. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        End(EndReason.ClosedLocally, YamuxGoAwayCode.Normal);
        await _run.ConfigureAwait(false);
    }

    /// <summary>Writes to a stream; see <see cref="MuxedStream.WriteAsync"/>.</summary>
    internal ValueTask Write(YamuxStream stream, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (RefusalToWrite(stream) is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            if (bytes.IsEmpty)
            {
                return ValueTask.CompletedTask;
            }

            stream.BeginWriting(bytes);
            _state.Offer(stream.State, bytes.Length);
            Settle(Now);
            return stream.IsWriting ? stream.WaitForWritten(cancellationToken) : ValueTask.CompletedTask;
        }
    }

    /// <summary>Ends a stream's writing; see <see cref="MuxedStream.CloseWriteAsync"/>.</summary>
    internal ValueTask CloseWrite(YamuxStream stream)
    {
        lock (_gate)
        {
            bool isClosed = stream.State.FinSent || stream.State.FinPending;
            if (!isClosed && RefusalToWrite(stream) is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            _state.Finish(stream.State);
            Settle(Now);
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>A waiting write was cancelled.</summary>
    internal void CancelWrite(YamuxStream stream, CancellationToken token)
    {
        lock (_gate)
        {
            if (stream.IsWriting)
            {
                _state.Withdraw(stream.State);
                stream.FailWriting(new OperationCanceledException(token));
            }
        }
    }

    /// <summary>Ends a stream from this side.</summary>
    internal void Reset(YamuxStream stream, EndReason reason)
    {
        lock (_gate)
        {
            if (!_state.Reset(stream.State, reason))
            {
                return;
            }

            stream.FailWriting(new StreamEndedException(reason, "The write failed"));
            Settle(Now);
        }

        stream.Receiver.Fail(reason, dropsUnread: true);
    }

    /// <summary>The stream's user has no more use for it; see <see cref="YamuxStream"/>.</summary>
    internal void Release(YamuxStream stream)
    {
        bool isWritten;
        lock (_gate)
        {
            isWritten = stream.State.FinSent || stream.State.FinPending;
            stream.State.IsReadDiscarded = true;
        }

        bool hadUnread = stream.Receiver.Discard();
        if (!isWritten || (hadUnread && !stream.State.FinReceived))
        {
            Reset(stream, EndReason.ClosedLocally);
        }
    }

    /// <summary>The stream's reader has read; the remote may get credit.</summary>
    internal void ReportRead(YamuxStream stream, uint bytes)
    {
        lock (_gate)
        {
            TimeSpan now = Now;
            _state.OnRead(stream.State, bytes, now);
            Settle(now);
        }
    }

    /// <summary>Lets openings that wait for company go.</summary>
    internal void FlushOpening() => _wake.Set();

    private static StreamEndedException? RefusalToWrite(YamuxStream stream)
    {
        if (stream.State.End != EndReason.None)
        {
            return new StreamEndedException(stream.State.End, "Nothing more can be written");
        }

        if (stream.State.FinSent || stream.State.FinPending)
        {
            throw new InvalidOperationException("The stream's writing was closed.");
        }

        return stream.IsWriting
            ? throw new InvalidOperationException("The stream is being written already: one writer at a time.")
            : null;
    }

    private bool TryAccept(YamuxStream stream)
    {
        lock (_gate)
        {
            _state.Accept(stream.State);
            Settle(Now);

            // A stream that ended while it waited is of no use to anybody, unless it holds all that the remote had to say.
            return stream.State.End == EndReason.None || stream.State.FinReceived;
        }
    }

    /// <summary>Carries out what a change of state asks for. Called under the gate, after each change.</summary>
    private void Settle(TimeSpan now)
    {
        _sender.Fill(now);
        int freed = _state.TakeFreedOpens();
        if (freed > 0)
        {
            _openSlots.Release(freed);
        }

        if (_state.NeedsFlush)
        {
            _state.NeedsFlush = false;
            _wake.Set();
        }
    }

    private async Task RunAsync()
    {
        Task reader = ReadLoopAsync();
        Task writer = WriteLoopAsync(reader);
        Task loops = Task.WhenAll(reader, writer, TickLoopAsync());
        try
        {
            await _ending.Task.ConfigureAwait(false);
            if (!_isOrderly || !await EndsSoonAsync(writer).ConfigureAwait(false))
            {
                _link.Abort();
            }

            await _stop.CancelAsync().ConfigureAwait(false);
            if (!await EndsSoonAsync(loops).ConfigureAwait(false))
            {
                _link.Abort();
            }

            await loops.ConfigureAwait(false);
        }
        finally
        {
            await _link.DisposeAsync().ConfigureAwait(false);
            _stop.Dispose();
            _completion.TrySetResult(_end);
        }
    }

    private async Task<bool> EndsSoonAsync(Task task)
    {
        try
        {
            await task.WaitAsync(_options.CloseTimeout, _time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task ReadLoopAsync()
    {
        using var reader = new YamuxFrameReader(_options.ReadBufferBytes);
        try
        {
            while (_end == EndReason.None)
            {
                int read = await _link.ReadAsync(reader.Free, _stop.Token).ConfigureAwait(false);
                if (read == 0)
                {
                    End(reader.IsBetweenFrames ? EndReason.ClosedByRemote : EndReason.LinkLost, null);
                    return;
                }

                reader.Advance(read);
                TakeFrames(reader);
            }
        }
        catch (Exception exception) when (LinkFailure.TryClassify(exception, out EndReason reason))
        {
            End(reason, reason == EndReason.LinkLost ? null : YamuxGoAwayCode.ProtocolError);
        }
        finally
        {
            End(EndReason.LinkLost, YamuxGoAwayCode.InternalError); // only a bug comes here without an end
        }
    }

    private void TakeFrames(YamuxFrameReader reader)
    {
        TimeSpan now = Now;
        while (_end == EndReason.None)
        {
            switch (reader.Next(out YamuxHeader header, out ReadOnlySpan<byte> body))
            {
                case YamuxFramePart.Header:
                    reader.Recipient = OnHeader(header, now);
                    break;
                case YamuxFramePart.Body:
                    OnBody(reader.Recipient, body, reader.IsBodyComplete);
                    break;
                case YamuxFramePart.Malformed:
                    End(EndReason.MalformedMessage, YamuxGoAwayCode.ProtocolError);
                    return;
                default:
                    return;
            }
        }
    }

    /// <summary>Steps the state and carries out the effects.</summary>
    /// <returns>Who gets the body, and whether it is the last one.</returns>
    private YamuxBodyRecipient OnHeader(in YamuxHeader header, TimeSpan now)
    {
        YamuxOutcome outcome;
        YamuxStream? stream;
        lock (_gate)
        {
            _state.OnHeard(now);
            outcome = _state.OnFrame(header, now);
            stream = outcome.Has(YamuxActions.Accept)
                ? new YamuxStream(this, outcome.Stream!, _unread)
                : (YamuxStream?)outcome.Stream?.Owner;
            if (outcome.Has(YamuxActions.Fail))
            {
                stream!.FailWriting(new StreamEndedException(stream.EndReason, "The write failed"));
            }

            Settle(now);
        }

        if ((outcome.Actions & ~YamuxActions.Deliver) != YamuxActions.None)
        {
            Act(outcome, stream);
        }

        bool isDelivered = outcome.Has(YamuxActions.Deliver);
        bool isLast = outcome.Has(YamuxActions.EndOfData);
        if (isLast && !isDelivered)
        {
            stream!.Receiver.Complete();
        }

        return isDelivered ? new YamuxBodyRecipient(stream, isLast) : default;
    }

    private void Act(in YamuxOutcome outcome, YamuxStream? stream)
    {
        if (outcome.Has(YamuxActions.Accept))
        {
            _accepted.Writer.TryWrite(stream!); // false only when the session has just ended
        }

        if (outcome.Has(YamuxActions.Fail))
        {
            stream!.Receiver.Fail(stream.EndReason, dropsUnread: true);
        }

        if (outcome.Has(YamuxActions.GoingAway))
        {
            _openSlots.Release(EveryWaiter);
        }

        if (outcome.Has(YamuxActions.EndSession))
        {
            End(outcome.Reason, outcome.Reason == EndReason.ClosedByRemote
                ? YamuxGoAwayCode.Normal
                : YamuxGoAwayCode.ProtocolError);
        }
    }

    private void OnBody(YamuxBodyRecipient recipient, ReadOnlySpan<byte> body, bool isComplete)
    {
        if (recipient.Stream is not { } stream)
        {
            return; // for a stream we have forgotten or ended
        }

        uint report = stream.Receiver.Append(body);
        if (report > 0)
        {
            ReportRead(stream, report);
        }

        if (isComplete && recipient.IsLast)
        {
            stream.Receiver.Complete();
        }
    }

    private async Task WriteLoopAsync(Task reader)
    {
        try
        {
            while (true)
            {
                bool isLast = _end != EndReason.None; // read before sealing: what was written before the end is sealed after it
                while (TrySeal(out ReadOnlyMemory<byte> content))
                {
                    await _link.WriteAsync(content, _stop.Token).ConfigureAwait(false);
                }

                if (isLast)
                {
                    return;
                }

                await _wake.WaitAsync().ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (LinkFailure.TryClassify(exception, out EndReason reason))
        {
            // The remote may have closed after its last words: the reader finds them and the true reason in the link.
            await EndsSoonAsync(reader).ConfigureAwait(false);
            End(reason, null);
        }
        finally
        {
            End(EndReason.LinkLost, null); // only a bug comes here without an end
            lock (_gate)
            {
                _sender.Dispose();
            }
        }
    }

    private bool TrySeal(out ReadOnlyMemory<byte> content)
    {
        lock (_gate)
        {
            TimeSpan now = Now;
            bool hasContent = _sender.TrySeal(now, ref _lastWord, out content);
            Settle(now); // resets that are on their way have freed places
            return hasContent;
        }
    }

    private async Task TickLoopAsync()
    {
        using var timer = new PeriodicTimer(_options.TickInterval, _time);
        var expired = new List<YamuxStreamState>();
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                OnTick(expired);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void OnTick(List<YamuxStreamState> expired)
    {
        EndReason reason;
        lock (_gate)
        {
            TimeSpan now = Now;
            reason = _state.OnTick(now, expired);
            Settle(now);
        }

        if (reason != EndReason.None)
        {
            End(reason, reason == EndReason.ClosedByRemote ? YamuxGoAwayCode.Normal : null);
        }

        foreach (YamuxStreamState stream in expired)
        {
            Reset((YamuxStream)stream.Owner!, EndReason.Timeout);
        }

        expired.Clear();
    }

    /// <summary>Begins the end, once: nothing new, what was handed over is still sent when there is a last word, everybody waiting is told.</summary>
    private void End(EndReason reason, YamuxGoAwayCode? lastWord)
    {
        YamuxStream[] streams;
        lock (_gate)
        {
            if (_end != EndReason.None)
            {
                return;
            }

            _isOrderly = lastWord is not null;
            _lastWord = lastWord;
            _end = reason;
            streams = [.. _state.Streams.Select(state => (YamuxStream)state.Owner!)];
            foreach (YamuxStream stream in streams)
            {
                EndStream(stream, reason);
            }
        }

        foreach (YamuxStream stream in streams)
        {
            stream.Receiver.Fail(reason, dropsUnread: false);
        }

        _accepted.Writer.TryComplete();
        _openSlots.Release(EveryWaiter);
        _wake.Set();
        _ending.TrySetResult();
    }

    private void EndStream(YamuxStream stream, EndReason reason)
    {
        if (stream.State.End == EndReason.None)
        {
            stream.State.End = reason;
        }

        _state.Withdraw(stream.State);
        stream.FailWriting(new StreamEndedException(reason, "The write failed"));
    }
}
