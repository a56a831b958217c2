using System.Threading.Channels;
using Google.Protobuf;

namespace P2PLearn.Actors.Remoting;

/// <summary>The one queue between Akka and an association's stream, bounded in bytes and frames.</summary>
/// <remarks>
/// Bytes count from <see cref="TryEnqueue"/> until <see cref="Release"/>, so what is being written counts too. The first frame of an empty
/// queue is never refused, or one larger than the bound would never leave. Several writers, one reader; keeps order.
/// </remarks>
internal sealed class OutboundQueue
{
    private readonly Channel<ByteString> _frames;
    private readonly int _maxBytes;
    private long _bytes;

    public OutboundQueue(int maxBytes, int maxFrames)
    {
        _maxBytes = maxBytes;
        _frames = Channel.CreateBounded<ByteString>(
            new BoundedChannelOptions(maxFrames) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    }

    /// <summary>Bytes waiting or in flight.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Takes a frame if there is room.</summary>
    /// <returns>False when the queue is full or completed; the caller keeps the frame.</returns>
    public bool TryEnqueue(ByteString frame)
    {
        long after = Interlocked.Add(ref _bytes, frame.Length);
        bool first = after == frame.Length;
        if ((first || after <= _maxBytes) && _frames.Writer.TryWrite(frame))
        {
            return true;
        }

        Interlocked.Add(ref _bytes, -frame.Length);
        return false;
    }

    /// <summary>Refuses new frames; those already taken still come out.</summary>
    public void Complete() => _frames.Writer.TryComplete();

    /// <summary>Waits for frames; false when the queue is completed and empty.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _frames.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>Moves as many frames, with their prefixes, into the buffer as fit.</summary>
    /// <param name="buffer">Where frames are put together for one write.</param>
    /// <param name="frames">Frames taken.</param>
    /// <param name="large">A frame that does not fit the buffer by itself, when it is the first; to be written on its own.</param>
    /// <returns>Bytes put into the buffer; for a large frame only its prefix.</returns>
    public int Take(Span<byte> buffer, out int frames, out ByteString? large)
    {
        int used = 0;
        frames = 0;
        large = null;
        while (_frames.Reader.TryPeek(out ByteString? next))
        {
            int needed = FrameCodec.PrefixBytes + next.Length;
            bool tooLarge = needed > buffer.Length;
            if (tooLarge ? used > 0 : needed > buffer.Length - used)
            {
                break;
            }

            _frames.Reader.TryRead(out next);
            FrameCodec.WritePrefix(buffer[used..], next!.Length);
            frames++;
            if (tooLarge)
            {
                large = next;
                return FrameCodec.PrefixBytes;
            }

            next.Span.CopyTo(buffer[(used + FrameCodec.PrefixBytes)..]);
            used += needed;
        }

        return used;
    }

    /// <summary>Makes room again after frames of that many bytes, prefixes not counted, were written.</summary>
    public void Release(int bytes) => Interlocked.Add(ref _bytes, -bytes);
}
