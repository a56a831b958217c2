using Google.Protobuf;

namespace P2PLearn.Actors.Remoting;

/// <summary>
/// What an association has to remember to outlive its streams: the frames that the peer has not acknowledged, and the number of the frame
/// that it expects.
/// </summary>
/// <remarks>
/// Pure but for its lock: no stream, no clock. Frames are numbered from 0 in each direction by counting, so they carry no number: a stream begins
/// with the number that its receiver names, and keeps order. What one side writes is thereby what the other reads, each frame once and in order, over
/// as many streams as it takes.
/// <para>
/// The queue of frames to send and the buffer for sending again are one, with one bound in bytes and one in frames; above either,
/// <see cref="TryEnqueue"/> says no. The receiver acknowledges on its own account after <see cref="AckEveryFrames"/>
/// frames or <see cref="AckEveryBytes"/> bytes, and with what it sends anyway from half as many frames on; so an idle link carries no acknowledgements of its own and needs no
/// timer for them, and what may stay unacknowledged for ever is small. Several writers; one thread takes and one receives. Keeps order.
/// </para>
/// </remarks>
internal sealed class AssociationLedger
{
    /// <summary>Frames after which the receiver acknowledges at once.</summary>
    public const int AckEveryFrames = 16;

    /// <summary>Bytes of frames after which the receiver acknowledges at once.</summary>
    public const int AckEveryBytes = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly int _maxBytes;
    private readonly int _maxFrames;
    private ByteString?[] _ring = new ByteString?[AckEveryFrames]; // by number, modulo its length, a power of two

    // first ≤ next ≤ sent ≤ end
    private ulong _first; // the oldest frame that the peer has not acknowledged
    private ulong _next; // the frame to be sent next over the present stream
    private ulong _sent; // one beyond the newest frame ever sent
    private ulong _end; // the number that the next frame written gets
    private long _bytes; // of the frames first … end
    private bool _completed;
    private ulong _expected; // one beyond the newest frame received
    private int _unacknowledgedFrames; // received
    private int _unacknowledgedBytes;

    /// <param name="maxBytes">Most bytes that wait to be sent or acknowledged.</param>
    /// <param name="maxFrames">Most frames that do.</param>
    public AssociationLedger(int maxBytes, int maxFrames)
    {
        _maxBytes = maxBytes;
        _maxFrames = maxFrames;
    }

    /// <summary>Bytes waiting to be sent or acknowledged.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>The oldest frame that the peer has not acknowledged; all before it are gone.</summary>
    public ulong Acknowledged
    {
        get
        {
            lock (_gate)
            {
                return _first;
            }
        }
    }

    /// <summary>The number of the frame to be received next: all before it were.</summary>
    public ulong Expected
    {
        get
        {
            lock (_gate)
            {
                return _expected;
            }
        }
    }

    /// <summary>No more frames are taken, and all that were have been sent.</summary>
    public bool IsDrained
    {
        get
        {
            lock (_gate)
            {
                return _completed && _next == _end;
            }
        }
    }

    /// <summary>Takes a frame if there is room. What the peer may leave unacknowledged does not count, or a frame as large as the bound would never go.</summary>
    /// <returns>False when full or completed; the caller keeps the frame.</returns>
    public bool TryEnqueue(ByteString frame)
    {
        lock (_gate)
        {
            bool fits = (_bytes <= AckEveryBytes && _next == _end) || _bytes + frame.Length <= _maxBytes;
            int count = (int)(_end - _first);
            if (_completed || !fits || count >= _maxFrames)
            {
                return false;
            }

            if (count == _ring.Length)
            {
                Grow();
            }

            _ring[Slot(_end++)] = frame;
            _bytes += frame.Length;
            return true;
        }
    }

    /// <summary>Refuses new frames; those already taken still come out.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _completed = true;
        }
    }

    /// <summary>Puts what is to be sent next into the buffer: an acknowledgement if one is due or goes along, then as many frames as fit.</summary>
    /// <param name="buffer">Where frames are put together for one write; longer than an acknowledgement and a prefix.</param>
    /// <param name="frames">Frames taken.</param>
    /// <param name="large">A frame that does not fit the buffer by itself, when it is the first; to be written after the buffer, which has its prefix.</param>
    /// <returns>Bytes put into the buffer; 0 when there is nothing to send.</returns>
    public int Take(Span<byte> buffer, out int frames, out ByteString? large)
    {
        lock (_gate)
        {
            frames = 0;
            large = null;
            int used = TakeAck(buffer);
            while (_next < _end)
            {
                ByteString frame = _ring[Slot(_next)]!;
                bool tooLarge = FrameCodec.AckBytes + FrameCodec.PrefixBytes + frame.Length > buffer.Length;
                if (tooLarge ? frames > 0 : FrameCodec.PrefixBytes + frame.Length > buffer.Length - used)
                {
                    break;
                }

                FrameCodec.WritePrefix(buffer[used..], frame.Length);
                used += FrameCodec.PrefixBytes;
                frames++;
                _sent = Math.Max(_sent, ++_next);
                if (tooLarge)
                {
                    large = frame;
                    break;
                }

                frame.Span.CopyTo(buffer[used..]);
                used += frame.Length;
            }

            return used;
        }
    }

    /// <summary>The peer has all frames below a number: they make room.</summary>
    /// <returns>False when the number is of a frame not sent over this stream, or goes back: the peer breaks the rules. Nothing changes then.</returns>
    public bool TryAcknowledge(ulong number)
    {
        lock (_gate)
        {
            return TryForget(number, _next);
        }
    }

    /// <summary>Whether <see cref="TryRewind"/> would accept a number now.</summary>
    public bool CanRewind(ulong number)
    {
        lock (_gate)
        {
            return number >= _first && number <= _sent;
        }
    }

    /// <summary>A new stream begins, and its receiver has all frames below a number: the next to be sent is that one.</summary>
    /// <returns>False when the number is of a frame never sent, or of one acknowledged before, which is gone. Nothing changes then.</returns>
    public bool TryRewind(ulong number)
    {
        lock (_gate)
        {
            if (!TryForget(number, _sent))
            {
                return false;
            }

            _next = number;
            return true;
        }
    }

    /// <summary>Counts a frame that was received, just before it is passed on.</summary>
    /// <returns>True when an acknowledgement has become due.</returns>
    public bool Receive(int bytes)
    {
        lock (_gate)
        {
            _expected++;
            _unacknowledgedFrames++;
            _unacknowledgedBytes += bytes;
            return IsAckDue;
        }
    }

    /// <summary>What a new stream's first frame says: everything below. Counts as an acknowledgement.</summary>
    public ulong AcknowledgeAll()
    {
        lock (_gate)
        {
            return AcknowledgeReceived();
        }
    }

    private bool IsAckDue => _unacknowledgedFrames >= AckEveryFrames || _unacknowledgedBytes >= AckEveryBytes;

    private int TakeAck(Span<byte> buffer) => IsAckDue || (_unacknowledgedFrames >= AckEveryFrames / 2 && _next < _end)
        ? FrameCodec.WriteNumber(buffer, FrameKind.Ack, AcknowledgeReceived())
        : 0;

    private ulong AcknowledgeReceived()
    {
        _unacknowledgedFrames = 0;
        _unacknowledgedBytes = 0;
        return _expected;
    }

    private bool TryForget(ulong number, ulong limit)
    {
        if (number < _first || number > limit)
        {
            return false;
        }

        while (_first < number)
        {
            ref ByteString? slot = ref _ring[Slot(_first++)];
            _bytes -= slot!.Length;
            slot = null;
        }

        return true;
    }

    private int Slot(ulong number) => (int)(number & (ulong)(_ring.Length - 1));

    private void Grow()
    {
        ByteString?[] old = _ring;
        _ring = new ByteString?[old.Length * 2];
        for (ulong number = _first; number < _end; number++)
        {
            _ring[Slot(number)] = old[(int)(number & (ulong)(old.Length - 1))];
        }
    }
}
