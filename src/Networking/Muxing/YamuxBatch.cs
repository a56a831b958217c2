using System.Buffers;

namespace P2PLearn.Networking.Muxing;

/// <summary>Frames collected for one write of the link, in one pooled buffer.</summary>
/// <remarks>
/// Layout: room for control frames, then data frames as they came; <see cref="Seal"/> moves the control frames against the data, so that the
/// content is one piece with the control frames first. A small write is appended to the stream's data frame when that is the last one.
/// Owned by the sender; the array goes back to the pool with <see cref="Dispose"/>. Not safe for several threads.
/// </remarks>
internal sealed class YamuxBatch : IDisposable
{
    private const int ControlBytes = 4096;
    private readonly int _maxFrameBytes;
    private readonly int _size;
    private byte[]? _buffer;
    private int _controlEnd;
    private int _end = ControlBytes;
    private int _lastFrame = -1;
    private YamuxHeader _lastHeader;

    /// <summary>Creates an empty batch, without a buffer.</summary>
    /// <param name="size">Bytes of the whole, control frames included.</param>
    /// <param name="maxFrameBytes">The longest body of a data frame.</param>
    public YamuxBatch(int size, int maxFrameBytes)
    {
        _size = size;
        _maxFrameBytes = maxFrameBytes;
    }

    /// <summary>Whether nothing was appended.</summary>
    public bool IsEmpty => _end == ControlBytes && _controlEnd == 0;

    /// <summary>Bytes left for frames other than control frames.</summary>
    public int Room => _size - _end;

    /// <summary>Whether one more control frame fits.</summary>
    public bool HasControlRoom => _controlEnd + YamuxHeader.Bytes <= ControlBytes;

    /// <summary>Adds a frame that overtakes all data. There must be <see cref="HasControlRoom"/>.</summary>
    public void AppendControl(in YamuxHeader header)
    {
        header.Write(Buffer().AsSpan(_controlEnd, YamuxHeader.Bytes));
        _controlEnd += YamuxHeader.Bytes;
    }

    /// <summary>Adds a frame after all others, with its body. It must fit into <see cref="Room"/>.</summary>
    public void Append(in YamuxHeader header, ReadOnlySpan<byte> body)
    {
        byte[] buffer = Buffer();
        bool extends = _lastFrame >= 0 && header.Type == YamuxFrameType.Data && header.Flags == YamuxFlags.None
            && _lastHeader.Type == YamuxFrameType.Data && header.StreamId == _lastHeader.StreamId
            && !_lastHeader.Has(YamuxFlags.Fin) && _lastHeader.Length + header.Length <= _maxFrameBytes;
        _lastHeader = extends ? _lastHeader with { Length = _lastHeader.Length + header.Length } : header;
        if (!extends)
        {
            _lastFrame = _end;
            _end += YamuxHeader.Bytes;
        }

        _lastHeader.Write(buffer.AsSpan(_lastFrame, YamuxHeader.Bytes));
        body.CopyTo(buffer.AsSpan(_end));
        _end += body.Length;
    }

    /// <summary>Everything appended, as one piece, valid until <see cref="Clear"/> or <see cref="Dispose"/>; nothing may be appended after it.</summary>
    public ReadOnlyMemory<byte> Seal()
    {
        byte[] buffer = Buffer();
        int start = ControlBytes - _controlEnd;
        buffer.AsSpan(0, _controlEnd).CopyTo(buffer.AsSpan(start));
        return buffer.AsMemory(start, _end - start);
    }

    /// <summary>Empties it for the next use; the buffer stays.</summary>
    public void Clear()
    {
        _controlEnd = 0;
        _end = ControlBytes;
        _lastFrame = -1;
    }

    /// <summary>Empties it and gives the buffer back until it is needed again.</summary>
    public void Dispose()
    {
        Clear();
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private byte[] Buffer() => _buffer ??= ArrayPool<byte>.Shared.Rent(_size);
}
