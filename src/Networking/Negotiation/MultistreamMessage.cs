using System.Buffers;
using System.Text;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Negotiation;

/// <summary>The messages of multistream-select.</summary>
/// <remarks>
/// Source: multiformats multistream-select 1.0.0.
/// <code>
/// +------------------+------------------------+------+
/// | length, uvarint  | text, UTF-8            | '\n' |
/// +------------------+------------------------+------+
///   the length counts the newline
/// </code>
/// </remarks>
internal static class MultistreamMessage
{
    /// <summary>What both sides send first.</summary>
    public const string Header = "/multistream/1.0.0";

    /// <summary>"I do not speak that."</summary>
    public const string NotAvailable = "na";

    /// <summary>Reads the message at the start of <paramref name="source"/>.</summary>
    /// <param name="source">Untrusted bytes.</param>
    /// <param name="maxBytes">Longest message; longer ones are refused before they are awaited.</param>
    /// <param name="text">Its text without the newline.</param>
    /// <param name="bytesRead">Bytes of the message; 0 when it is not complete.</param>
    /// <returns><see cref="EndReason.None"/>, or the rule that is broken.</returns>
    public static EndReason Read(ReadOnlySpan<byte> source, int maxBytes, out ReadOnlySpan<byte> text, out int bytesRead)
    {
        text = default;
        bytesRead = 0;
        switch (Uvarint.Read(source, out ulong length, out int lengthBytes))
        {
            case OperationStatus.NeedMoreData:
                return EndReason.None;
            case OperationStatus.Done when length > (ulong)maxBytes:
                return EndReason.MessageTooLarge;
            case OperationStatus.Done when length > 0:
                break;
            default:
                return EndReason.MalformedMessage;
        }

        int end = lengthBytes + (int)length;
        if (source.Length < end)
        {
            return EndReason.None;
        }

        if (source[end - 1] != '\n')
        {
            return EndReason.MalformedMessage;
        }

        text = source[lengthBytes..(end - 1)];
        bytesRead = end;
        return EndReason.None;
    }

    /// <summary>Appends a message.</summary>
    /// <exception cref="ArgumentException">Our own text holds a newline or is longer than <see cref="ProtocolId.MaxBytes"/>.</exception>
    public static void Write(IBufferWriter<byte> output, string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        if (length is 0 or > ProtocolId.MaxBytes || text.Contains('\n'))
        {
            throw new ArgumentException("not the name of a protocol", nameof(text));
        }

        Uvarint.Write(output, (ulong)length + 1);
        Encoding.UTF8.GetBytes(text, output);
        output.Write("\n"u8);
    }
}
