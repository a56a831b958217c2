using System.Buffers;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>Reads messages behind uvarint lengths into a buffer that grows with what has come, not with what is announced.</summary>
/// <remarks>Megabytes are allowed for one message, and many streams are open: a claim alone costs nothing. Not safe for several threads.</remarks>
/// <param name="stream">Where from; not owned.</param>
/// <param name="maxMessageBytes">Longest message; a longer one is refused by its length alone.</param>
/// <param name="arrived">Told how many bytes each read brought.</param>
/// <param name="messageTimeout">From the first byte of a message to its last: dripping does not hold a buffer for ever.</param>
/// <param name="time">The clock of that.</param>
internal sealed class GrowingFrameReader(
    Stream stream, int maxMessageBytes, Action<int> arrived, TimeSpan messageTimeout, TimeProvider time) : IDisposable
{
    private const int FirstBytes = 16 * 1024;
    private readonly CancellationTokenSource _late = new(Timeout.InfiniteTimeSpan, time);
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int _start;
    private int _end;
    private bool _isDisposed;

    /// <summary>Bytes held for the message that is being read.</summary>
    public int BufferBytes => _buffer.Length;

    /// <summary>The next message, valid until the next call; null when the stream ended between messages.</summary>
    /// <exception cref="ProtocolViolationException">A length too long or malformed, an end within a message, or one that takes too long.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        _late.CancelAfter(_end > 0 ? messageTimeout : Timeout.InfiniteTimeSpan);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _late.Token);
        while (!TryMeasure(out int prefix, out int length) || _end - prefix < length)
        {
            if (_end == _buffer.Length)
            {
                Grow();
            }

            int read = await ReadSomeAsync(either.Token).ConfigureAwait(false);
            if (read == 0)
            {
                return _end == 0 ? null : throw Violation(EndReason.MalformedMessage, "the stream ended within a message");
            }

            if (_end == 0)
            {
                _late.CancelAfter(messageTimeout);
            }

            _end += read;
            arrived(read);
        }

        TryMeasure(out int at, out int bytes);
        _start = at + bytes;
        return _buffer.AsMemory(at, bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _late.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    private async ValueTask<int> ReadSomeAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_late.IsCancellationRequested)
        {
            throw Violation(EndReason.Timeout, $"a message that is not there {messageTimeout} after its first byte");
        }
    }

    private bool TryMeasure(out int prefix, out int length)
    {
        OperationStatus status = Uvarint.Read(_buffer.AsSpan(0, _end), out ulong value, out prefix);
        length = 0;
        if (status == OperationStatus.InvalidData)
        {
            throw Violation(EndReason.MalformedMessage, "a length that is no uvarint");
        }

        if (status == OperationStatus.NeedMoreData)
        {
            return false;
        }

        if (value > (ulong)maxMessageBytes)
        {
            throw Violation(EndReason.MessageTooLarge, $"a message of {value} bytes where {maxMessageBytes} are allowed");
        }

        length = (int)value;
        return true;
    }

    private void Grow()
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Min(_buffer.Length * 2, maxMessageBytes + Uvarint.MaxBytes));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private static ProtocolViolationException Violation(EndReason reason, string message) => new(reason, ViolationScope.Stream, message);
}
