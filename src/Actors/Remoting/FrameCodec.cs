using System.Buffers;
using System.Buffers.Binary;
using P2PLearn.Networking;

namespace P2PLearn.Actors.Remoting;

/// <summary>Frames on an association's stream.</summary>
/// <remarks>
/// <code>
/// +--------------------------+----------------------+
/// | length, 4 bytes unsigned | body, length bytes   |
/// | big-endian, 1…limit      | one AkkaProtocolMessage
/// +--------------------------+----------------------+
/// </code>
/// </remarks>
internal static class FrameCodec
{
    /// <summary>Bytes of the length prefix.</summary>
    public const int PrefixBytes = 4;

    /// <summary>Takes one frame off the front of the buffer.</summary>
    /// <param name="buffer">Received bytes; moves past the frame when there is a whole one.</param>
    /// <param name="maxBytes">Largest body allowed.</param>
    /// <param name="body">The body, a slice of the buffer.</param>
    /// <returns>False when more bytes are needed.</returns>
    /// <exception cref="ProtocolViolationException">A length of 0 or beyond the limit, as soon as the prefix is there.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, int maxBytes, out ReadOnlySequence<byte> body)
    {
        body = default;
        if (buffer.Length < PrefixBytes)
        {
            return false;
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(prefix);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(prefix);
        if (length == 0 || length > (uint)maxBytes)
        {
            EndReason reason = length == 0 ? EndReason.MalformedMessage : EndReason.MessageTooLarge;
            throw new ProtocolViolationException(
                reason, ViolationScope.Stream, $"an association frame of {length} bytes; 1 to {maxBytes} are allowed");
        }

        if (buffer.Length < PrefixBytes + length)
        {
            return false;
        }

        body = buffer.Slice(PrefixBytes, length);
        buffer = buffer.Slice(PrefixBytes + length);
        return true;
    }

    /// <summary>Writes the prefix of a body.</summary>
    public static void WritePrefix(Span<byte> destination, int bodyBytes) =>
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)bodyBytes);
}
