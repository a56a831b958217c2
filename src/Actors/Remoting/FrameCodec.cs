using System.Buffers;
using System.Buffers.Binary;
using P2PLearn.Networking;

namespace P2PLearn.Actors.Remoting;

/// <summary>What a frame on an association's stream is.</summary>
internal enum FrameKind : byte
{
    /// <summary>One AkkaProtocolMessage. Frames of this kind are numbered from 0 in each direction, by counting.</summary>
    Data = 0,

    /// <summary>First on a stream: a new association with this id.</summary>
    Open = 1,

    /// <summary>First on a stream: the association with this id goes on here; the opener has all frames below this number.</summary>
    Resume = 2,

    /// <summary>The answer: it does; the accepting side has all frames below this number.</summary>
    Resumed = 3,

    /// <summary>The answer: it does not; a <see cref="ResumeRefusal"/>.</summary>
    Refused = 4,

    /// <summary>The sender has all frames below this number.</summary>
    Ack = 5,

    /// <summary>Last on a stream: the association is over, by intent.</summary>
    Close = 6,
}

/// <summary>Why an association does not go on over another stream.</summary>
internal enum ResumeRefusal : byte
{
    /// <summary>None of this peer has that id: never had, over, or another incarnation's.</summary>
    Unknown = 1,

    /// <summary>The number is of a frame that was never sent, or that was acknowledged and is gone.</summary>
    OutOfRange = 2,

    /// <summary>The peer resumes too often.</summary>
    TooOften = 3,
}

/// <summary>A frame that was read. Which fields count depends on the kind.</summary>
internal readonly record struct InboundFrame(FrameKind Kind, byte[] Data, AssociationId Id, ulong Number, ResumeRefusal Refusal);

/// <summary>Frames on an association's stream.</summary>
/// <remarks>
/// <code>
/// +--------+-----------------------------+----------------------+
/// | kind,  | length, 3 bytes unsigned    | body, length bytes   |
/// | 1 byte | big-endian                  |                      |
/// +--------+-----------------------------+----------------------+
/// Data 1…limit: one AkkaProtocolMessage · Open 16: id · Resume 24: id, number · Resumed 8: number
/// Refused 1: reason · Ack 8: number · Close 0
/// </code>
/// Numbers are 8 bytes, unsigned, big-endian.
/// </remarks>
internal static class FrameCodec
{
    /// <summary>Bytes of kind and length.</summary>
    public const int PrefixBytes = 4;

    /// <summary>Bytes of a number in a body.</summary>
    public const int NumberBytes = 8;

    /// <summary>Bytes of a whole Ack or Resumed.</summary>
    public const int AckBytes = PrefixBytes + NumberBytes;

    /// <summary>Bytes of the longest control frame, a Resume.</summary>
    public const int MaxControlBytes = PrefixBytes + AssociationId.Bytes + NumberBytes;

    /// <summary>Most that three bytes of length can say.</summary>
    public const int MaxLength = (1 << 24) - 1;

    /// <summary>Reads one frame if it is all there, and moves the buffer behind it.</summary>
    /// <param name="buffer">What has arrived.</param>
    /// <param name="maxBytes">Longest body of Data.</param>
    /// <param name="frame">Has memory of its own.</param>
    /// <returns>False when more bytes are needed.</returns>
    /// <exception cref="ProtocolViolationException">An unknown kind or reason, or a length that the kind does not allow; told by the prefix alone.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, int maxBytes, out InboundFrame frame)
    {
        frame = default;
        if (buffer.Length < PrefixBytes)
        {
            return false;
        }

        Span<byte> small = stackalloc byte[MaxControlBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(small);
        uint prefix = BinaryPrimitives.ReadUInt32BigEndian(small);
        var kind = (FrameKind)(prefix >> 24);
        int length = (int)(prefix & MaxLength);
        ThrowIfWrongLength(kind, length, maxBytes);
        if (buffer.Length < PrefixBytes + length)
        {
            return false;
        }

        ReadOnlySequence<byte> body = buffer.Slice(PrefixBytes, length);
        buffer = buffer.Slice(PrefixBytes + length);
        if (kind == FrameKind.Data)
        {
            frame = new InboundFrame(kind, body.ToArray(), default, 0, default); // Akka keeps it
            return true;
        }

        body.CopyTo(small);
        frame = ReadControl(kind, small[..length]);
        return true;
    }

    /// <summary>Writes the prefix of a Data frame.</summary>
    public static void WritePrefix(Span<byte> destination, int bodyBytes) => WritePrefix(destination, FrameKind.Data, bodyBytes);

    /// <summary>Writes an Ack or a Resumed.</summary>
    /// <returns>Bytes written: <see cref="AckBytes"/>.</returns>
    public static int WriteNumber(Span<byte> destination, FrameKind kind, ulong number)
    {
        WritePrefix(destination, kind, NumberBytes);
        BinaryPrimitives.WriteUInt64BigEndian(destination[PrefixBytes..], number);
        return AckBytes;
    }

    /// <summary>Writes an Open.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteOpen(Span<byte> destination, AssociationId id)
    {
        WritePrefix(destination, FrameKind.Open, AssociationId.Bytes);
        id.Write(destination[PrefixBytes..]);
        return PrefixBytes + AssociationId.Bytes;
    }

    /// <summary>Writes a Resume.</summary>
    /// <returns>Bytes written: <see cref="MaxControlBytes"/>.</returns>
    public static int WriteResume(Span<byte> destination, AssociationId id, ulong number)
    {
        WritePrefix(destination, FrameKind.Resume, AssociationId.Bytes + NumberBytes);
        id.Write(destination[PrefixBytes..]);
        BinaryPrimitives.WriteUInt64BigEndian(destination[(PrefixBytes + AssociationId.Bytes)..], number);
        return MaxControlBytes;
    }

    /// <summary>Writes a Refused.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteRefused(Span<byte> destination, ResumeRefusal refusal)
    {
        WritePrefix(destination, FrameKind.Refused, 1);
        destination[PrefixBytes] = (byte)refusal;
        return PrefixBytes + 1;
    }

    /// <summary>Writes a Close.</summary>
    /// <returns>Bytes written: <see cref="PrefixBytes"/>.</returns>
    public static int WriteClose(Span<byte> destination)
    {
        WritePrefix(destination, FrameKind.Close, 0);
        return PrefixBytes;
    }

    private static void WritePrefix(Span<byte> destination, FrameKind kind, int bodyBytes) =>
        BinaryPrimitives.WriteUInt32BigEndian(destination, ((uint)kind << 24) | (uint)bodyBytes);

    private static void ThrowIfWrongLength(FrameKind kind, int length, int maxBytes)
    {
        if (kind == FrameKind.Data && length > maxBytes)
        {
            throw Violation(EndReason.MessageTooLarge, $"an association frame of {length} bytes; 1 to {maxBytes} are allowed");
        }

        bool right = kind switch
        {
            FrameKind.Data => length > 0,
            FrameKind.Open => length == AssociationId.Bytes,
            FrameKind.Resume => length == AssociationId.Bytes + NumberBytes,
            FrameKind.Resumed or FrameKind.Ack => length == NumberBytes,
            FrameKind.Refused => length == 1,
            FrameKind.Close => length == 0,
            _ => false,
        };
        if (!right)
        {
            throw Violation(EndReason.MalformedMessage, $"an association frame of kind {(byte)kind} and {length} bytes");
        }
    }

    private static InboundFrame ReadControl(FrameKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        FrameKind.Open => new InboundFrame(kind, [], AssociationId.Read(body), 0, default),
        FrameKind.Resume => new InboundFrame(
            kind, [], AssociationId.Read(body), BinaryPrimitives.ReadUInt64BigEndian(body[AssociationId.Bytes..]), default),
        FrameKind.Resumed or FrameKind.Ack => new InboundFrame(kind, [], default, BinaryPrimitives.ReadUInt64BigEndian(body), default),
        FrameKind.Refused => Enum.IsDefined((ResumeRefusal)body[0])
            ? new InboundFrame(kind, [], default, 0, (ResumeRefusal)body[0])
            : throw Violation(EndReason.MalformedMessage, $"refusal {body[0]} is unknown"),
        _ => new InboundFrame(kind, [], default, 0, default),
    };

    private static ProtocolViolationException Violation(EndReason reason, string what) => new(reason, ViolationScope.Stream, what);
}
