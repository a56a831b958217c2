using System.Threading.Tasks.Sources;

namespace P2PLearn.Networking.Muxing;

/// <summary>One stream of a <see cref="YamuxSession"/>.</summary>
/// <remarks>
/// The writing half is changed under the session's gate only; the reading half is the <see cref="YamuxReceiver"/>. Reads and writes that
/// need not wait complete at once, those that wait allocate nothing. A write cancelled while it waits may have sent a beginning of its
/// bytes: reset the stream then.
/// Disposing without <see cref="CloseWriteAsync"/> resets. Disposing after it keeps the session's record until the remote says FIN,
/// and resets when bytes are thrown away unread.
/// </remarks>
internal sealed class YamuxStream : MuxedStream, IValueTaskSource
{
    private readonly YamuxSession _session;
    private ManualResetValueTaskSourceCore<bool> _written = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private ReadOnlyMemory<byte> _writing;
    private bool _isAwaited;

    /// <summary>Creates the shell around a state, and makes itself the state's owner.</summary>
    public YamuxStream(YamuxSession session, YamuxStreamState state, YamuxUnreadBytes unread)
    {
        _session = session;
        State = state;
        state.Owner = this;
        Receiver = new YamuxReceiver(state, unread);
    }

    /// <inheritdoc/>
    public override uint Id => State.Id;

    /// <inheritdoc/>
    public override EndReason EndReason => State.End;

    /// <summary>What the rules know of it; belongs to the session's gate.</summary>
    internal YamuxStreamState State { get; }

    /// <summary>The reading half.</summary>
    internal YamuxReceiver Receiver { get; }

    /// <summary>Whether a write has bytes left to hand over.</summary>
    internal bool IsWriting => !_writing.IsEmpty;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        ValueTask<int> read = Receiver.ReadAsync(buffer, out uint report, cancellationToken);
        if (report > 0)
        {
            _session.ReportRead(this, report);
        }

        if (State.SynPending)
        {
            _session.FlushOpening(); // who reads first waits for the remote, which must hear of the stream
        }

        return read;
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : _session.Write(this, bytes, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask CloseWriteAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : _session.CloseWrite(this);

    /// <inheritdoc/>
    public override void Reset(EndReason reason) =>
        _session.Reset(this, reason == EndReason.None ? EndReason.ClosedLocally : reason);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _session.Release(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Begins a write.</summary>
    internal void BeginWriting(ReadOnlyMemory<byte> bytes) => _writing = bytes;

    /// <summary>The next bytes of the write. They belong to the writer again as soon as <see cref="Taken"/> is called.</summary>
    internal ReadOnlySpan<byte> NextToWrite(int bytes) => _writing.Span[..bytes];

    /// <summary>Bytes of the write have been copied; the last ones end it. Not before: its writer goes on at once, on another
    /// thread, and may fill its buffer anew.</summary>
    internal void Taken(int bytes)
    {
        _writing = _writing[bytes..];
        if (_isAwaited && _writing.IsEmpty)
        {
            _isAwaited = false;
            _written.SetResult(true);
        }
    }

    /// <summary>Waits until the rest of the write is taken.</summary>
    internal ValueTask WaitForWritten(CancellationToken cancellationToken)
    {
        _written.Reset();
        _isAwaited = true;
        short version = _written.Version;
        _registration = cancellationToken.UnsafeRegister(
            static (stream, token) => ((YamuxStream)stream!)._session.CancelWrite((YamuxStream)stream, token), this);
        return new ValueTask(this, version);
    }

    /// <summary>Ends the pending write, if there is one.</summary>
    internal void FailWriting(Exception exception)
    {
        _writing = default;
        if (_isAwaited)
        {
            _isAwaited = false;
            _written.SetException(exception);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        _registration.Dispose(); // waits for a cancellation under way, so that it cannot hit the next write
        _written.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _written.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _written.OnCompleted(continuation, state, token, flags);
}
