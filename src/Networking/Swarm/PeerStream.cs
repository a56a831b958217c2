using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Swarm;

/// <summary>A negotiated, encrypted, flow-controlled byte stream to one authenticated peer.</summary>
/// <remarks>
/// One reader and one writer at a time. A read of 0 bytes means that the remote closed its side. Disposing without
/// <see cref="CloseWriteAsync"/> first resets the stream. Broken streams throw <see cref="IOException"/>.
/// </remarks>
public abstract class PeerStream : Stream
{
    /// <summary>The peer that the security handshake authenticated.</summary>
    public abstract PeerId RemotePeer { get; }

    /// <summary>The protocol that was negotiated for this stream.</summary>
    public abstract ProtocolId Protocol { get; }

    /// <summary>Fires when a better path to this peer is up, direct instead of relayed: whoever keeps a stream for long
    /// should open a new one and finish this one, which ends with its connection some time later.</summary>
    public virtual CancellationToken Superseded => CancellationToken.None;

    /// <summary>Half-closes: the remote reads end-of-stream after what was written. Reading goes on.</summary>
    public abstract ValueTask CloseWriteAsync(CancellationToken cancellationToken);

    /// <summary>Ends both directions at once; pending reads and writes fail on both sides. Harmless when repeated.</summary>
    public abstract void Reset(EndReason reason);

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Peer streams are asynchronous: use ReadAsync.");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Peer streams are asynchronous: use WriteAsync.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
