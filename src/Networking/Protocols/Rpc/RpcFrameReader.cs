using System.Buffers;
using System.Runtime.CompilerServices;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Reads headers through a small buffer, and long bodies past it straight into their place.</summary>
/// <remarks>One reader at a time. Truncation in the middle of a frame is an <see cref="EndOfStreamException"/>.</remarks>
internal sealed class RpcFrameReader(PeerStream stream, int maxNameBytes) : IDisposable
{
    /// <summary>Holds some hundred small frames; a buffer for each kept stream, so not more.</summary>
    public const int BufferBytes = 16 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _start;
    private int _end;

    /// <summary>What was read and not yet taken.</summary>
    public int Buffered => _end - _start;

    /// <summary>A header is there: <see cref="WaitHeaderAsync"/> would not wait.</summary>
    public bool HasHeader => Buffered >= RpcFrame.HeaderBytes;

    /// <summary>Waits until a header is there.</summary>
    /// <returns>False when the remote closed its side between two frames.</returns>
    public ValueTask<bool> WaitHeaderAsync(CancellationToken cancellationToken) =>
        HasHeader ? ValueTask.FromResult(true) : FillAsync(RpcFrame.HeaderBytes, cancellationToken);

    /// <summary>The kind in the header that is there; it may be anything.</summary>
    public RpcFrameKind PeekKind() => (RpcFrameKind)_buffer[_start];

    /// <summary>Takes the header that is there.</summary>
    /// <exception cref="ProtocolViolationException">See <see cref="RpcFrame.Read"/>.</exception>
    public RpcFrame TakeHeader()
    {
        RpcFrame frame = RpcFrame.Read(_buffer.AsSpan(_start, Buffered), maxNameBytes);
        _start += RpcFrame.HeaderBytes;
        return frame;
    }

    /// <summary>Waits until a short body (at most <see cref="RpcFrame.MaxTextBytes"/>) is there as a whole.</summary>
    public ValueTask<bool> WaitBodyAsync(int length, CancellationToken cancellationToken) =>
        Buffered >= length ? ValueTask.FromResult(true) : FillAsync(length, cancellationToken);

    /// <summary>Takes bytes that are there; valid until the next wait.</summary>
    public ReadOnlySpan<byte> Take(int length)
    {
        ReadOnlySpan<byte> body = _buffer.AsSpan(_start, length);
        _start += length;
        return body;
    }

    /// <summary>Reads some bytes of a body: what is buffered, or else from the stream straight into <paramref name="destination"/>.</summary>
    /// <returns>At least 1 for a destination that is not empty.</returns>
    public ValueTask<int> ReadSomeAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        int count = Math.Min(Buffered, destination.Length);
        if (count > 0 || destination.Length == 0)
        {
            Take(count).CopyTo(destination.Span);
            return ValueTask.FromResult(count);
        }

        return ReadStreamAsync(destination, cancellationToken);
    }

    /// <summary>Reads a body whole into its place.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ReadAllAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        while (destination.Length > 0)
        {
            destination = destination[await ReadSomeAsync(destination, cancellationToken).ConfigureAwait(false)..];
        }
    }

    /// <summary>Reads and drops.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SkipAsync(long length, CancellationToken cancellationToken)
    {
        while (length > 0)
        {
            if (Buffered == 0)
            {
                await FillAsync(1, cancellationToken).ConfigureAwait(false);
                ThrowIfEnded(Buffered == 0);
            }

            length -= Take((int)Math.Min(length, Buffered)).Length;
        }
    }

    public void Dispose()
    {
        byte[] buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FillAsync(int needed, CancellationToken cancellationToken)
    {
        MakeRoom();
        while (Buffered < needed)
        {
            int count = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                ThrowIfEnded(Buffered > 0);
                return false;
            }

            _end += count;
        }

        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadStreamAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        int count = await stream.ReadAsync(destination, cancellationToken).ConfigureAwait(false);
        ThrowIfEnded(count == 0);
        return count;
    }

    private void MakeRoom()
    {
        int kept = Buffered; // less than the longest short body, as nobody fills for more
        _buffer.AsSpan(_start, kept).CopyTo(_buffer);
        (_start, _end) = (0, kept);
    }

    private static void ThrowIfEnded(bool ended)
    {
        if (ended)
        {
            throw new EndOfStreamException("the stream ended within a frame");
        }
    }
}
