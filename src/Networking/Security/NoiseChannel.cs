using System.Buffers;
using System.Runtime.CompilerServices;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Security;

/// <summary>The encrypted link after a Noise handshake.</summary>
/// <remarks>
/// Source: libp2p specs, noise, Wire Format. One reader and one writer at a time, which may overlap; steady traffic allocates nothing. A
/// frame is opened straight into the caller's buffer when it fits there, else in place. A write of any size is cut into frames of
/// 65,519 bytes, several of which go to the link in one write. A message whose tag does not hold ends the channel at once, without an
/// answer. The keys are erased when the channel is disposed and its last operation has ended.
/// </remarks>
public sealed class NoiseChannel : ISecureChannel
{
    private readonly ILink _link;
    private readonly NoiseCipherState _send;
    private readonly NoiseCipherState _receive;
    private readonly NoiseReceiveBuffer _buffer;
    private readonly int _maxBatchBytes;
    private Memory<byte> _opened; // plaintext opened in place and not yet handed out; lies in _buffer's taken part
    private OperationGate _reading;
    private OperationGate _writing;

    /// <summary>Takes over the link, both ciphers and the buffer with what was read beyond the handshake.</summary>
    internal NoiseChannel(
        ILink link, PublicKey remote, string? muxer, (NoiseCipherState Send, NoiseCipherState Receive) ciphers,
        NoiseReceiveBuffer buffer, int maxBatchBytes)
    {
        _link = link;
        RemoteKey = remote;
        NegotiatedMuxer = muxer;
        (_send, _receive) = ciphers;
        _buffer = buffer;
        _maxBatchBytes = maxBatchBytes;
    }

    /// <inheritdoc/>
    public PeerId RemotePeer => RemoteKey.PeerId;

    /// <summary>The identity key that the remote proved.</summary>
    public PublicKey RemoteKey { get; }

    /// <inheritdoc/>
    public string? NegotiatedMuxer { get; }

    /// <inheritdoc/>
    /// <remarks>A cancelled read loses nothing and may be repeated.</remarks>
    /// <exception cref="ProtocolViolationException">A tag did not hold; the link was aborted.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        _reading.Enter();
        try
        {
            while (!buffer.IsEmpty)
            {
                int count = Drain(buffer.Span);
                if (count > 0)
                {
                    return count;
                }

                if (!await _buffer.FillAsync(_link, cancellationToken).ConfigureAwait(false))
                {
                    return _buffer.UnreadBytes == 0 ? 0 : throw new IOException("the link ended within a frame");
                }
            }

            return 0;
        }
        finally
        {
            if (_reading.Exit())
            {
                ReleaseReadSide();
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>A write that fails or is cancelled half-way aborts the link: the remote would miss a frame.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _writing.Enter();
        bool sent = false;
        byte[] batch = ArrayPool<byte>.Shared.Rent(BatchBytes(bytes.Length));
        try
        {
            while (!bytes.IsEmpty)
            {
                int length = Seal(bytes.Span, batch, out int taken);
                await _link.WriteAsync(batch.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
                bytes = bytes[taken..];
            }

            sent = true;
        }
        finally
        {
            EndWrite(batch, sent);
        }
    }

    /// <inheritdoc/>
    public void Abort() => _link.Abort();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        bool readIdle = _reading.Close();
        bool writeIdle = _writing.Close();
        await _link.DisposeAsync().ConfigureAwait(false); // ends what is pending; that operation then releases its side
        if (readIdle)
        {
            ReleaseReadSide();
        }

        if (writeIdle)
        {
            _send.Dispose();
        }
    }

    /// <summary>Fills <paramref name="destination"/> with what is there: as many whole frames as fit, or part of one.</summary>
    private int Drain(Span<byte> destination)
    {
        if (!_opened.IsEmpty)
        {
            return HandOut(destination);
        }

        int total = 0;
        while (_buffer.TryPeekMessage(out int messageBytes))
        {
            if (messageBytes - NoiseFrame.TagBytes <= destination.Length - total)
            {
                total += Open(_buffer.Take(messageBytes).Span, destination[total..]);
                continue;
            }

            if (total > 0)
            {
                break;
            }

            Memory<byte> message = _buffer.Take(messageBytes);
            _opened = message[..Open(message.Span, message.Span)];
            return HandOut(destination);
        }

        return total;
    }

    private int HandOut(Span<byte> destination)
    {
        int count = Math.Min(destination.Length, _opened.Length);
        _opened.Span[..count].CopyTo(destination);
        _opened = _opened[count..];
        return count;
    }

    private int Open(ReadOnlySpan<byte> message, Span<byte> plaintext)
    {
        if (_receive.TryOpen([], message, plaintext))
        {
            return message.Length - NoiseFrame.TagBytes;
        }

        _link.Abort(); // libp2p noise: close at once, no reply
        throw new ProtocolViolationException(
            message.Length < NoiseFrame.TagBytes ? EndReason.MalformedMessage : EndReason.AuthenticationFailed,
            ViolationScope.Connection,
            $"a Noise message of {message.Length} bytes does not hold");
    }

    /// <summary>Seals as many frames of <paramref name="bytes"/> as go into one batch.</summary>
    private int Seal(ReadOnlySpan<byte> bytes, Span<byte> batch, out int taken)
    {
        int length = 0;
        taken = 0;
        int limit = Math.Min(batch.Length, _maxBatchBytes);
        while (taken < bytes.Length && limit - length > NoiseFrame.OverheadBytes)
        {
            if (_send.Exhausted)
            {
                throw new IOException("this channel has sent all that one key may seal");
            }

            int room = Math.Min(limit - length - NoiseFrame.OverheadBytes, NoiseFrame.MaxPlaintextBytes);
            int plain = Math.Min(bytes.Length - taken, room);
            int message = plain + NoiseFrame.TagBytes;
            NoiseFrame.WriteHeader(batch[length..], message);
            _send.Seal([], bytes.Slice(taken, plain), batch.Slice(length + NoiseFrame.HeaderBytes, message));
            length += NoiseFrame.HeaderBytes + message;
            taken += plain;
        }

        return length;
    }

    private int BatchBytes(int plainBytes)
    {
        long frames = ((long)plainBytes + NoiseFrame.MaxPlaintextBytes - 1) / NoiseFrame.MaxPlaintextBytes;
        return (int)Math.Min(plainBytes + (frames * NoiseFrame.OverheadBytes), _maxBatchBytes);
    }

    private void EndWrite(byte[] batch, bool sent)
    {
        if (sent)
        {
            ArrayPool<byte>.Shared.Return(batch);
        }
        else
        {
            _link.Abort(); // the batch is left to the collector: the link may still hold it
        }

        if (_writing.Exit())
        {
            _send.Dispose();
        }
    }

    private void ReleaseReadSide()
    {
        _opened = default;
        _receive.Dispose();
        _buffer.Dispose();
    }
}
