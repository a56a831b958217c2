namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Limits and times of an <see cref="RpcEndpoint"/>.</summary>
/// <remarks>What one peer can make us hold: <see cref="MaxHeldRequestBytesPerPeer"/> of requests, <see cref="MaxQueuedControlBytes"/> of refusals, and
/// <see cref="MaxInboundStreamsPerPeer"/> streams with about 32 KiB of buffers each.</remarks>
public sealed record RpcOptions
{
    /// <summary>Unary calls of one peer that are received, run or answered at once; further ones are refused with ResourceExhausted.</summary>
    public int MaxServedCallsPerPeer { get; init; } = 512;

    /// <summary>Unary calls of all peers served at once.</summary>
    public int MaxServedCalls { get; init; } = 4096;

    /// <summary>Bytes of requests of one peer that are received or run at once; further calls are refused with ResourceExhausted.</summary>
    public long MaxHeldRequestBytesPerPeer { get; init; } = 64L << 20;

    /// <summary>Refusals and cancellations waiting for one peer to read them; beyond, its stream is reset (TooManyRequests).</summary>
    public int MaxQueuedControlBytes { get; init; } = 256 << 10;

    /// <summary>Streams of this protocol that one peer may have open to us; further ones are reset.</summary>
    public int MaxInboundStreamsPerPeer { get; init; } = 32;

    /// <summary>Our unary calls to one peer that are on their way at once; further ones wait. Keep it below the other side's <see cref="MaxServedCallsPerPeer"/>.</summary>
    public int MaxCallsInFlightPerPeer { get; init; } = 256;

    /// <summary>Our unary calls to one peer that wait for others to end; beyond, they fail with ResourceExhausted.</summary>
    public int MaxWaitingCallsPerPeer { get; init; } = 4096;

    /// <summary>Streams for streamed calls to one peer that are kept for the next call.</summary>
    public int MaxIdleStreamsPerPeer { get; init; } = 4;

    /// <summary>Longest method name in bytes, at most 255.</summary>
    public int MaxMethodNameBytes { get; init; } = 128;

    /// <summary>Different methods called over one stream.</summary>
    public int MaxMethodsPerStream { get; init; } = 256;

    /// <summary>Longest answer that a caller accepts, unless the call says otherwise.</summary>
    public int MaxResponseBytes { get; init; } = 4 << 20;

    /// <summary>Time of a call that names none.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest time that a peer's call may take here, whatever it asks for.</summary>
    public TimeSpan MaxServeTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time to open a stream to a peer, dialling included.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Time in which a fresh inbound stream has to say its first frame.</summary>
    public TimeSpan FirstFrameTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time in which the rest of an answered call's request is read and dropped, so that its stream can serve the next.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time that disposal waits for handlers to end.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks the limits against each other.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxServedCallsPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxServedCalls, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxHeldRequestBytesPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedControlBytes, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInboundStreamsPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxCallsInFlightPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxWaitingCallsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxIdleStreamsPerPeer);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMethodNameBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxMethodNameBytes, 255);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMethodsPerStream, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxMethodsPerStream, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxResponseBytes);
        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)[DefaultTimeout, MaxServeTime, OpenTimeout, FirstFrameTimeout, DrainTimeout, ShutdownTimeout])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(time, RpcFrame.MaxTimeout);
        }
    }
}

/// <summary>What one method accepts and how it runs.</summary>
public sealed record RpcMethodOptions
{
    /// <summary>Longest unary request, or longest single message of a streamed call, in bytes; refused with ResourceExhausted before it is read.</summary>
    public int MaxRequestBytes { get; init; } = 4 << 20;

    /// <summary>All messages of one streamed call together.</summary>
    public long MaxStreamBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Runs the handler on the loop that reads the peer's requests: saves a thread switch, but while it runs nothing else of this peer is read.
    /// Only for handlers that take microseconds and never block.
    /// </summary>
    public bool RunInline { get; init; }
}

/// <summary>What one call may take.</summary>
/// <param name="Timeout">Its time; null: <see cref="RpcOptions.DefaultTimeout"/>; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>: as long as the peer serves it.</param>
/// <param name="MaxResponseBytes">Longest answer, or longest single message of a streamed one; null: <see cref="RpcOptions.MaxResponseBytes"/>.</param>
public readonly record struct RpcCallOptions(TimeSpan? Timeout = null, int? MaxResponseBytes = null);
