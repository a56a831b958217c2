namespace P2PLearn.Actors.Remoting;

/// <summary>Totals of the membership plane since the process started; they outlive a rebuilt actor system.</summary>
/// <remarks>Safe for several threads.</remarks>
public sealed class TransportCounters
{
    private long _framesIn;
    private long _framesOut;
    private long _bytesIn;
    private long _bytesOut;
    private long _refusedFrames;
    private long _refusedOrigins;
    private long _refusedWrites;
    private long _opened;
    private long _lost;
    private long _broken;
    private long _resumed;
    private long _refusedResumes;

    /// <summary>Frames received, refused ones included.</summary>
    public long FramesIn => Interlocked.Read(ref _framesIn);

    /// <summary>Frames sent.</summary>
    public long FramesOut => Interlocked.Read(ref _framesOut);

    /// <summary>Bytes received, length prefixes included.</summary>
    public long BytesIn => Interlocked.Read(ref _bytesIn);

    /// <summary>Bytes sent, length prefixes included.</summary>
    public long BytesOut => Interlocked.Read(ref _bytesOut);

    /// <summary>Frames that the firewall refused.</summary>
    public long RefusedFrames => Interlocked.Read(ref _refusedFrames);

    /// <summary>Associations refused because the peer claimed to be someone else.</summary>
    public long RefusedOrigins => Interlocked.Read(ref _refusedOrigins);

    /// <summary>Writes refused because the association's queue was full; Akka keeps those messages.</summary>
    public long RefusedWrites => Interlocked.Read(ref _refusedWrites);

    /// <summary>Associations opened, both directions.</summary>
    public long Opened => Interlocked.Read(ref _opened);

    /// <summary>Associations that ended other than by intent of either side: what Akka notices.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Streams that broke under an association.</summary>
    public long Broken => Interlocked.Read(ref _broken);

    /// <summary>Times an association went on over another stream, after a break or to a better path.</summary>
    public long Resumed => Interlocked.Read(ref _resumed);

    /// <summary>Peers' requests to go on with an association that this node refused.</summary>
    public long RefusedResumes => Interlocked.Read(ref _refusedResumes);

    internal void CountIn(int frameBytes)
    {
        Interlocked.Increment(ref _framesIn);
        Interlocked.Add(ref _bytesIn, frameBytes + FrameCodec.PrefixBytes);
    }

    internal void CountOut(int frames, int bytes)
    {
        Interlocked.Add(ref _framesOut, frames);
        Interlocked.Add(ref _bytesOut, bytes);
    }

    internal long CountRefusedFrame() => Interlocked.Increment(ref _refusedFrames);

    internal void CountRefusedOrigin() => Interlocked.Increment(ref _refusedOrigins);

    internal void CountRefusedWrite() => Interlocked.Increment(ref _refusedWrites);

    internal void CountOpened() => Interlocked.Increment(ref _opened);

    internal void CountLost() => Interlocked.Increment(ref _lost);

    internal void CountBroken() => Interlocked.Increment(ref _broken);

    internal void CountResumed() => Interlocked.Increment(ref _resumed);

    internal void CountRefusedResume() => Interlocked.Increment(ref _refusedResumes);
}
