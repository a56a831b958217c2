using System.Buffers.Binary;
using System.Text;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>What a frame says.</summary>
internal enum RpcFrameKind : byte
{
    /// <summary>Caller: the body is the name of the method that <see cref="RpcFrame.Code"/> stands for on this stream from now on.</summary>
    Declare = 1,

    /// <summary>Caller: begins a unary call; the body is the first part of the request.</summary>
    Request = 2,

    /// <summary>Either: the next part of a request or response.</summary>
    Chunk = 3,

    /// <summary>Caller: wants no answer any more.</summary>
    Cancel = 4,

    /// <summary>Callee: the body is the first part of the response.</summary>
    Response = 5,

    /// <summary>Callee: the call ended with the status in <see cref="RpcFrame.Code"/>; the body is a line for a person.</summary>
    Failure = 6,

    /// <summary>Caller, on a stream of its own: begins a streamed call; the body is the method's name.</summary>
    Open = 7,

    /// <summary>Either, in a streamed call: one message.</summary>
    Message = 8,

    /// <summary>Either, in a streamed call: no more messages; from the callee also: status Ok.</summary>
    End = 9,
}

/// <summary>The header of a frame of <c>/p2plearn/rpc/1.0.0</c>; <see cref="Length"/> bytes of body follow it.</summary>
/// <remarks>
/// 24 bytes, big-endian. Fields that a kind does not use are zero, so that there is one way to say each thing.
/// <code>
///  0       1       2               4                               8
/// +-------+-------+---------------+-------------------------------+
/// | kind  |   0   | code          | length                        |
/// +-------+-------+---------------+-------------------------------+
/// | call id                                                       |
/// +-------------------------------+-------------------------------+
/// | total                         | timeout (ms)                  |
/// +-------------------------------+-------------------------------+
/// </code>
/// code: method slot (Declare, Request) or status (Failure). total: bytes of the whole request or response. timeout: what is left of the
/// call's time when the frame is sent, 0 for none. Described in <c>docs/wire.md</c>, RPC.
/// </remarks>
internal readonly record struct RpcFrame(RpcFrameKind Kind, ushort Code, uint Length, ulong CallId, uint Total, uint TimeoutMs)
{
    public const int HeaderBytes = 24;

    /// <summary>Longest body of Request, Response and Chunk: what one call can hold up the others by.</summary>
    public const int MaxChunkBytes = 64 * 1024;

    /// <summary>Longest text of a Failure.</summary>
    public const int MaxTextBytes = 1024;

    /// <summary>Longest time that the field holds: 49 days.</summary>
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMilliseconds(uint.MaxValue);

    private static readonly RpcStatus LastStatus = Enum.GetValues<RpcStatus>().Max();

    /// <summary>The body belongs to a request or response in parts, rather than being read whole.</summary>
    public bool IsPart => Kind is RpcFrameKind.Request or RpcFrameKind.Chunk or RpcFrameKind.Response;

    public void Write(Span<byte> header)
    {
        header[0] = (byte)Kind;
        header[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], Code);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], Length);
        BinaryPrimitives.WriteUInt64BigEndian(header[8..], CallId);
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], Total);
        BinaryPrimitives.WriteUInt32BigEndian(header[20..], TimeoutMs);
    }

    /// <summary>Reads a header and checks all that holds in every state.</summary>
    /// <param name="header">At least <see cref="HeaderBytes"/> bytes.</param>
    /// <param name="maxNameBytes">Longest method name.</param>
    /// <exception cref="ProtocolViolationException">MalformedMessage or MessageTooLarge.</exception>
    public static RpcFrame Read(ReadOnlySpan<byte> header, int maxNameBytes)
    {
        var frame = new RpcFrame(
            (RpcFrameKind)header[0],
            BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(header[4..]),
            BinaryPrimitives.ReadUInt64BigEndian(header[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(header[16..]),
            BinaryPrimitives.ReadUInt32BigEndian(header[20..]));
        if (header[1] != 0 || !frame.HasOnlyItsFields())
        {
            throw Violation(EndReason.MalformedMessage, $"a frame of kind {header[0]} with fields that it does not have");
        }

        if (frame.Length > frame.MaxLength(maxNameBytes))
        {
            throw Violation(EndReason.MessageTooLarge, $"a {frame.Kind} of {frame.Length} bytes");
        }

        return frame;
    }

    /// <summary>A stream-wide violation.</summary>
    public static ProtocolViolationException Violation(EndReason reason, string what) => new(reason, ViolationScope.Stream, $"rpc: {what}");

    /// <summary>The text of a remote for logs and exceptions: invalid UTF-8 replaced, control characters dropped.</summary>
    public static string CleanText(ReadOnlySpan<byte> utf8)
    {
        string text = Encoding.UTF8.GetString(utf8);
        return text.Any(char.IsControl) ? string.Concat(text.Where(c => !char.IsControl(c))) : text;
    }

    /// <summary>A text as the body of a Failure: cut so that it fits whatever its characters are.</summary>
    public static byte[] ToText(string text) =>
        Encoding.UTF8.GetBytes(text.Length <= MaxTextBytes / 3 ? text : text[..(MaxTextBytes / 3)]);

    /// <summary>Method names are visible ASCII, so that they can be logged and compared byte for byte.</summary>
    public static bool TryReadName(ReadOnlySpan<byte> body, out string name)
    {
        bool isName = body.Length > 0 && !body.ContainsAnyExceptInRange((byte)'!', (byte)'~');
        name = isName ? Encoding.ASCII.GetString(body) : "";
        return isName;
    }

    /// <summary>Milliseconds for the wire: rounded up, at least 1; 0 for no limit.</summary>
    public static uint ToTimeoutMs(TimeSpan? left) =>
        left is { } time ? (uint)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), 1, uint.MaxValue) : 0;

    private bool HasOnlyItsFields() => Kind switch
    {
        RpcFrameKind.Declare => Length > 0 && CallId == 0 && Total == 0 && TimeoutMs == 0,
        RpcFrameKind.Request => CallId > 0 && IsFirstPart(),
        RpcFrameKind.Response => CallId > 0 && IsFirstPart() && Code == 0 && TimeoutMs == 0,
        RpcFrameKind.Chunk => CallId > 0 && Length > 0 && Code == 0 && Total == 0 && TimeoutMs == 0,
        RpcFrameKind.Cancel => CallId > 0 && Length == 0 && Code == 0 && Total == 0 && TimeoutMs == 0,
        RpcFrameKind.Failure => Code > 0 && Code <= (ushort)LastStatus && Total == 0 && TimeoutMs == 0,
        RpcFrameKind.Open => Length > 0 && Code == 0 && CallId == 0 && Total == 0,
        RpcFrameKind.Message => Code == 0 && CallId == 0 && Total == 0 && TimeoutMs == 0,
        RpcFrameKind.End => Length == 0 && Code == 0 && CallId == 0 && Total == 0 && TimeoutMs == 0,
        _ => false,
    };

    private bool IsFirstPart() => Length == Total || (Length > 0 && Length < Total);

    private long MaxLength(int maxNameBytes) => Kind switch
    {
        RpcFrameKind.Declare or RpcFrameKind.Open => maxNameBytes,
        RpcFrameKind.Failure => MaxTextBytes,
        RpcFrameKind.Message => int.MaxValue, // the call compares it with its method's limit
        _ => MaxChunkBytes,
    };
}
