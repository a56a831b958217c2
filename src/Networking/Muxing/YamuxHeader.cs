using System.Buffers.Binary;

namespace P2PLearn.Networking.Muxing;

/// <summary>What a yamux frame is (yamux, Type Field).</summary>
internal enum YamuxFrameType : byte
{
    /// <summary>Body bytes of a stream; only these count against the window.</summary>
    Data = 0,

    /// <summary>Credit for a stream; with flags and no credit also the plain opening, acknowledging or resetting of one.</summary>
    WindowUpdate = 1,

    /// <summary>A liveness question (SYN) or its answer (ACK).</summary>
    Ping = 2,

    /// <summary>No more streams, and why.</summary>
    GoAway = 3,
}

/// <summary>Yamux, Flag Field. They may sit on data and window updates alike.</summary>
[Flags]
internal enum YamuxFlags : ushort
{
    /// <summary>Nothing changes but what the type says.</summary>
    None = 0,

    /// <summary>Opens the stream, or asks a ping.</summary>
    Syn = 1,

    /// <summary>Acknowledges the opening, or answers a ping.</summary>
    Ack = 2,

    /// <summary>No more data from the sender of this frame.</summary>
    Fin = 4,

    /// <summary>Both directions end at once.</summary>
    Rst = 8,
}

/// <summary>The header of a yamux frame, read and written.</summary>
/// <remarks>
/// Source: yamux specification, Framing. Every number is unsigned and big-endian.
/// <code>
///  0        1        2                 4                                   8                                  12
///  +--------+--------+-----------------+-----------------------------------+-----------------------------------+
///  | ver 0  | type   | flags           | stream id                         | length                            | body
///  +--------+--------+-----------------+-----------------------------------+-----------------------------------+
/// </code>
/// Length: data = bytes of the body that follows, the only type with a body; window update = credit to add; ping = an opaque
/// value that the answer repeats; go away = a <see cref="YamuxGoAwayCode"/>. Ping and go away have stream id 0.
/// </remarks>
internal readonly record struct YamuxHeader(YamuxFrameType Type, YamuxFlags Flags, uint StreamId, uint Length)
{
    /// <summary>Length of every header.</summary>
    public const int Bytes = 12;

    private const byte Version = 0;
    private const ushort KnownFlags = 0x000f;

    /// <summary>Whether all of <paramref name="flags"/> are set.</summary>
    public bool Has(YamuxFlags flags) => (Flags & flags) == flags;

    /// <summary>Reads the first <see cref="Bytes"/> bytes of <paramref name="source"/>, which is untrusted.</summary>
    /// <returns>False when there are fewer bytes, the version is not 0, or the type or a flag is unknown.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out YamuxHeader header)
    {
        header = default;
        if (source.Length < Bytes || source[0] != Version || source[1] > (byte)YamuxFrameType.GoAway)
        {
            return false;
        }

        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(source[2..]);
        header = new YamuxHeader(
            (YamuxFrameType)source[1],
            (YamuxFlags)flags,
            BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[8..]));
        return (flags & ~KnownFlags) == 0;
    }

    /// <summary>Writes the header into the first <see cref="Bytes"/> bytes of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        destination[11] = 0; // one bounds check for all of them
        destination[0] = Version;
        destination[1] = (byte)Type;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)Flags);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], StreamId);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Length);
    }
}
