using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.TestKit;

/// <summary>One end of a stream between two nodes of a <see cref="Fabric"/>.</summary>
public sealed class FabricStream : PeerStream
{
    private readonly FabricPipe _incoming;
    private readonly FabricPipe _outgoing;
    private readonly Action<FabricStream> _onEnd;
    private readonly CancellationTokenSource _superseded = new();
    private int _ended;

    internal FabricStream(
        PeerId remote, ProtocolId protocol, FabricPipe incoming, FabricPipe outgoing, bool isRelayed, Action<FabricStream> onEnd)
    {
        RemotePeer = remote;
        Protocol = protocol;
        _incoming = incoming;
        _outgoing = outgoing;
        IsRelayed = isRelayed;
        _onEnd = onEnd;
    }

    /// <inheritdoc/>
    public override PeerId RemotePeer { get; }

    /// <inheritdoc/>
    public override ProtocolId Protocol { get; }

    /// <summary>Why this side ended the stream; <see cref="EndReason.None"/> while it did not.</summary>
    public EndReason ResetReason { get; private set; }

    /// <summary>A third node carried the connection when the stream was opened.</summary>
    public bool IsRelayed { get; }

    /// <inheritdoc/>
    public override CancellationToken Superseded => _superseded.Token;

    /// <summary>As if a better path to the peer had come up.</summary>
    public void Supersede() => _superseded.Cancel();

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _incoming.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _outgoing.WriteAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override ValueTask CloseWriteAsync(CancellationToken cancellationToken)
    {
        _outgoing.Finish();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override void Reset(EndReason reason)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            ResetReason = reason;
            _incoming.Break();
            _outgoing.Break();
            _onEnd(this);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_outgoing.IsOver)
        {
            Reset(EndReason.ClosedLocally);
        }
        else if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            if (!_incoming.IsOver)
            {
                _incoming.Break(); // what the other side still sends has no reader any more
            }

            _onEnd(this);
        }

        base.Dispose(disposing);
    }
}
