using System.Buffers;

namespace P2PLearn.Networking.Muxing;

/// <summary>Received and unread bytes of one stream, in pooled segments.</summary>
/// <remarks>
/// Small frames are packed into shared segments. A new segment is as large as a quarter of what is held already: a long backlog takes few
/// segments, which the pool can keep, and what is held exceeds the unread bytes only by the rest of the first and the last segment.
/// The segments belong to the buffer until they are read or <see cref="Clear"/>ed. Not safe for several threads. In steady state nothing
/// is allocated.
/// </remarks>
internal sealed class YamuxReceiveBuffer
{
    private const int MinSegmentBytes = 4 * 1024;
    private const int MaxSegmentBytes = 1024 * 1024;
    private readonly YamuxUnreadBytes _unread;
    private readonly Queue<byte[]> _segments = [];
    private byte[] _tail = [];
    private int _headStart;
    private int _tailEnd;

    /// <summary>Creates an empty buffer that reports to the session's count.</summary>
    public YamuxReceiveBuffer(YamuxUnreadBytes unread) => _unread = unread;

    /// <summary>Bytes not yet read.</summary>
    public long Length { get; private set; }

    /// <summary>Copies <paramref name="bytes"/> to the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        _unread.Add(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (_tailEnd == _tail.Length)
            {
                AddSegment(Math.Max(bytes.Length, Length / 4));
            }

            int taken = Math.Min(bytes.Length, _tail.Length - _tailEnd);
            bytes[..taken].CopyTo(_tail.AsSpan(_tailEnd));
            _tailEnd += taken;
            bytes = bytes[taken..];
        }
    }

    /// <summary>Moves as much as is there into <paramref name="destination"/>.</summary>
    /// <returns>The bytes moved.</returns>
    public int Read(Span<byte> destination)
    {
        int read = 0;
        while (read < destination.Length && Length > 0)
        {
            byte[] head = _segments.Peek();
            int end = _segments.Count == 1 ? _tailEnd : head.Length;
            int taken = Math.Min(destination.Length - read, end - _headStart);
            head.AsSpan(_headStart, taken).CopyTo(destination[read..]);
            read += taken;
            Length -= taken;
            _headStart += taken;
            if (_headStart == end)
            {
                RemoveHead();
            }
        }

        _unread.Add(-read);
        return read;
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _unread.Add(-Length);
        Length = 0;
        while (_segments.Count > 0)
        {
            RemoveHead();
        }
    }

    private void AddSegment(long wanted)
    {
        _tail = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(wanted, MinSegmentBytes, MaxSegmentBytes));
        _tailEnd = 0;
        _segments.Enqueue(_tail);
    }

    private void RemoveHead()
    {
        ArrayPool<byte>.Shared.Return(_segments.Dequeue());
        _headStart = 0;
        if (_segments.Count == 0)
        {
            _tail = [];
            _tailEnd = 0;
        }
    }
}
