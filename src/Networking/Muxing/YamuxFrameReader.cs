using System.Buffers;

namespace P2PLearn.Networking.Muxing;

/// <summary>What <see cref="YamuxFrameReader.Next"/> found.</summary>
internal enum YamuxFramePart
{
    /// <summary>Nothing more until more bytes are read.</summary>
    NeedsMore,

    /// <summary>A header.</summary>
    Header,

    /// <summary>A piece of the last header's body.</summary>
    Body,

    /// <summary>Not a header.</summary>
    Malformed,
}

/// <summary>Who gets the body of the frame being read.</summary>
/// <param name="Stream">Null: it is dropped.</param>
/// <param name="IsLast">No body follows it.</param>
internal readonly record struct YamuxBodyRecipient(YamuxStream? Stream, bool IsLast);

/// <summary>Cuts what the link delivers into headers and pieces of bodies.</summary>
/// <remarks>
/// Owns one pooled buffer of fixed size: a body of any length passes through it in pieces, so a claimed length allocates nothing.
/// Not safe for several threads.
/// </remarks>
internal sealed class YamuxFrameReader : IDisposable
{
    private readonly byte[] _buffer;
    private int _start;
    private int _end;
    private uint _bodyLeft;

    /// <summary>Rents the buffer.</summary>
    public YamuxFrameReader(int bufferBytes) => _buffer = ArrayPool<byte>.Shared.Rent(bufferBytes);

    /// <summary>Where the link may put bytes; never empty once <see cref="Next"/> has asked for more.</summary>
    public Memory<byte> Free => _buffer.AsMemory(_end);

    /// <summary>Who gets the body that is being read; kept here for the loop.</summary>
    public YamuxBodyRecipient Recipient { get; set; }

    /// <summary>The piece just returned was the body's last.</summary>
    public bool IsBodyComplete => _bodyLeft == 0;

    /// <summary>No frame is half read.</summary>
    public bool IsBetweenFrames => _bodyLeft == 0 && _start == _end;

    /// <summary>The link has put <paramref name="bytes"/> at the beginning of <see cref="Free"/>.</summary>
    public void Advance(int bytes) => _end += bytes;

    /// <summary>Takes the next part.</summary>
    /// <param name="header">Set for a header.</param>
    /// <param name="body">Set for a piece of a body; valid until the buffer is filled again.</param>
    public YamuxFramePart Next(out YamuxHeader header, out ReadOnlySpan<byte> body)
    {
        header = default;
        body = default;
        int held = _end - _start;
        if (_bodyLeft > 0 && held > 0)
        {
            int taken = (int)Math.Min(_bodyLeft, (uint)held);
            body = _buffer.AsSpan(_start, taken);
            _start += taken;
            _bodyLeft -= (uint)taken;
            return YamuxFramePart.Body;
        }

        if (held < YamuxHeader.Bytes)
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
            (_start, _end) = (0, held);
            return YamuxFramePart.NeedsMore;
        }

        if (!YamuxHeader.TryRead(_buffer.AsSpan(_start), out header))
        {
            return YamuxFramePart.Malformed;
        }

        _start += YamuxHeader.Bytes;
        _bodyLeft = header.Type == YamuxFrameType.Data ? header.Length : 0;
        return YamuxFramePart.Header;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);
}
