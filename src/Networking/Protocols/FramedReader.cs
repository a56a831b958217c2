using System.Buffers;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols;

/// <summary>Reads messages behind uvarint lengths from a stream.</summary>
/// <remarks>One buffer of a message and its length, rented until disposal. Not safe for several threads.</remarks>
/// <param name="stream">Where from; not owned.</param>
/// <param name="maxMessageBytes">Longest message; a longer one is refused by its length alone.</param>
internal sealed class FramedReader(Stream stream, int maxMessageBytes) : IDisposable
{
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(maxMessageBytes + Uvarint.MaxBytes);
    private int _start;
    private int _end;

    /// <summary>The next message, valid until the next call; null when the stream ended between messages.</summary>
    /// <exception cref="ProtocolViolationException">A length too long or malformed, or an end within a
    /// message.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_buffer is null, this);
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        while (true)
        {
            if (TryTake(out ReadOnlyMemory<byte> message))
            {
                return message;
            }

            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return _end == 0 ? null : throw Violation(
                    EndReason.MalformedMessage, "the stream ended within a message");
            }

            _end += read;
        }
    }

    /// <summary>What was read past the last message: the bytes that follow on the stream. Taken, they are gone from here.</summary>
    public byte[] TakeRest()
    {
        byte[] rest = _buffer.AsSpan(_start, _end - _start).ToArray();
        (_start, _end) = (0, 0);
        return rest;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private bool TryTake(out ReadOnlyMemory<byte> message)
    {
        message = default;
        OperationStatus status = Uvarint.Read(_buffer.AsSpan(0, _end), out ulong length, out int prefix);
        if (status == OperationStatus.InvalidData)
        {
            throw Violation(EndReason.MalformedMessage, "a length that is no uvarint");
        }

        if (status == OperationStatus.NeedMoreData)
        {
            return false;
        }

        if (length > (ulong)maxMessageBytes)
        {
            throw Violation(
                EndReason.MessageTooLarge, $"a message of {length} bytes where {maxMessageBytes} are allowed");
        }

        if (_end - prefix < (int)length)
        {
            return false;
        }

        message = _buffer.AsMemory(prefix, (int)length);
        _start = prefix + (int)length;
        return true;
    }

    private static ProtocolViolationException Violation(EndReason reason, string message) =>
        new(reason, ViolationScope.Stream, message);
}
