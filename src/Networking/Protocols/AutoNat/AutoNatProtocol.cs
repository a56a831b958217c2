using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>The protocols' names, and their messages to and from streams.</summary>
internal static class AutoNatProtocol
{
    /// <summary>Version 1: one request, one answer.</summary>
    public static readonly ProtocolId V1 = new("/libp2p/autonat/1.0.0");

    /// <summary>Version 2: the client asks.</summary>
    public static readonly ProtocolId DialRequest = new("/libp2p/autonat/2/dial-request");

    /// <summary>Version 2: the server proves that it got through.</summary>
    public static readonly ProtocolId DialBack = new("/libp2p/autonat/2/dial-back");

    /// <summary>Bytes of a dial-back message that are read; its nine bytes and room for what may be added.</summary>
    public const int MaxDialBackBytes = 256;

    /// <summary>Reads a message; null when the stream ended before one.</summary>
    /// <exception cref="ProtocolViolationException">Too long, cut short, or not of this format.</exception>
    public static async ValueTask<T?> ReadAsync<T>(
        FramedReader reader, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        if (await reader.ReadAsync(cancellationToken).ConfigureAwait(false) is not { } bytes)
        {
            return null;
        }

        return BoundedProtobuf.TryParse(parser, bytes.Span, bytes.Length, out T? message)
            ? message
            : throw new ProtocolViolationException(
                EndReason.MalformedMessage, ViolationScope.Stream, $"that is no {typeof(T).Name}");
    }

    /// <summary>Writes a message.</summary>
    public static ValueTask WriteAsync(Stream stream, IMessage message, CancellationToken cancellationToken) =>
        FramedWriter.WriteAsync(stream, message.ToByteArray(), cancellationToken);

    /// <summary>A message that has no place here.</summary>
    public static ProtocolViolationException Unexpected(string what) =>
        new(EndReason.UnexpectedMessage, ViolationScope.Stream, what);
}
