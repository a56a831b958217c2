using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm.Limits;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>A stream of a <see cref="SwarmConnection"/>, counted until it is disposed or reset.</summary>
/// <remarks>
/// An optimistic one has not heard the remote agree to its protocol: its first read does, and throws
/// <see cref="ProtocolNotSupportedException"/> when the remote does not.
/// </remarks>
internal sealed class SwarmStream : PeerStream
{
    private readonly MuxedStream _muxed;
    private readonly ResourceGate.StreamTicket _ticket;
    private volatile bool _agreed;
    private volatile bool _writeClosed;
    private int _disposed;
    private int _ended;

    /// <param name="connection">What it runs on.</param>
    /// <param name="muxed">The stream, negotiated or hopeful; owned.</param>
    /// <param name="ticket">Its count; owned.</param>
    /// <param name="protocol">What it is for.</param>
    /// <param name="agreed">False for an optimistic one.</param>
    public SwarmStream(
        SwarmConnection connection,
        MuxedStream muxed,
        ResourceGate.StreamTicket ticket,
        ProtocolId protocol,
        bool agreed)
    {
        Connection = connection;
        _muxed = muxed;
        _ticket = ticket;
        Protocol = protocol;
        _agreed = agreed;
        connection.StreamOpened();
    }

    /// <summary>What it runs on.</summary>
    public SwarmConnection Connection { get; }

    /// <inheritdoc/>
    public override PeerId RemotePeer => Connection.RemotePeer;

    /// <inheritdoc/>
    public override ProtocolId Protocol { get; }

    /// <inheritdoc/>
    public override CancellationToken Superseded => Connection.Superseded;

    /// <summary>It was written to, read from or closed, so that its proposal is on its way.</summary>
    public bool IsUsed { get; private set; }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _agreed ? _muxed.ReadAsync(buffer, cancellationToken) : ReadFirstAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        IsUsed = true;
        return _muxed.WriteAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : Task.CompletedTask;

    /// <inheritdoc/>
    public override async ValueTask CloseWriteAsync(CancellationToken cancellationToken)
    {
        IsUsed = true;
        await _muxed.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
        _writeClosed = true;
    }

    /// <inheritdoc/>
    public override void Reset(EndReason reason)
    {
        IsUsed = true;
        _muxed.Reset(reason);
        End();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            IsUsed = true;
            bool unheard = !_agreed && _writeClosed && _muxed.EndReason == EndReason.None;
            if (!unheard || !Connection.FinishLater(this))
            {
                await ReleaseAsync().ConfigureAwait(false);
            }
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Sends the proposal of an optimistic stream, unless it is on its way.</summary>
    internal async Task AnnounceAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_muxed is NegotiatedStream proposed)
            {
                await proposed.AnnounceAsync(cancellationToken).ConfigureAwait(false); // its user may be writing at this moment
            }
        }
        catch (IOException)
        {
            // Ended already: its user learns it by reading or writing.
        }
    }

    /// <summary>Reads what the remote still has to say, the agreement above all: a stream thrown away unread would be
    /// reset, and with it what the remote has not read yet.</summary>
    internal async Task DrainAsync(CancellationToken cancellationToken)
    {
        try
        {
            byte[] rest = new byte[256];
            while (await ReadAsync(rest, cancellationToken).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            // Nobody is left to be told.
        }

        await ReleaseAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            if (!_writeClosed)
            {
                Reset(EndReason.ClosedLocally);
            }

            Connection.FinishLater(this);
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadFirstAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        IsUsed = true;
        try
        {
            int read = await _muxed.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            _agreed = true;
            return read;
        }
        catch (ProtocolViolationException violation)
        {
            Connection.Broke(violation);
            Reset(violation.Reason);
            throw new StreamEndedException(violation.Reason, violation.Message);
        }
    }

    private async ValueTask ReleaseAsync()
    {
        await _muxed.DisposeAsync().ConfigureAwait(false);
        End();
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            EndReason reason = _muxed.EndReason;
            Connection.StreamEnded(reason != EndReason.None ? reason : EndReason.Completed);
            _ticket.Dispose();
        }
    }
}
