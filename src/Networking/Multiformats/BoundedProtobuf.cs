using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace P2PLearn.Networking.Multiformats;

/// <summary>Protobuf messages from strangers: the size is checked before parsing, unknown fields are dropped, errors are values.</summary>
/// <remarks>
/// Nesting is limited by the parser (100 levels); a message cannot make us allocate more than a small multiple of its own size, which
/// <c>maxBytes</c> bounds.
/// </remarks>
internal static class BoundedProtobuf
{
    /// <summary>Parses <paramref name="bytes"/>.</summary>
    /// <returns><see cref="EndReason.None"/>, <see cref="EndReason.MessageTooLarge"/> or <see cref="EndReason.MalformedMessage"/>.</returns>
    public static EndReason Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes, int maxBytes, out T? message)
        where T : IMessage<T>
    {
        message = default;
        if (bytes.Length > maxBytes)
        {
            return EndReason.MessageTooLarge;
        }

        try
        {
            message = parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
            return EndReason.None;
        }
        catch (InvalidProtocolBufferException)
        {
            return EndReason.MalformedMessage;
        }
    }

    /// <summary>Parses <paramref name="bytes"/>; false for anything wrong with them.</summary>
    public static bool TryParse<T>(
        MessageParser<T> parser, ReadOnlySpan<byte> bytes, int maxBytes, [NotNullWhen(true)] out T? message)
        where T : class, IMessage<T> =>
        Parse(parser, bytes, maxBytes, out message) == EndReason.None && message is not null;
}
