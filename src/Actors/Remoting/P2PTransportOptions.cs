namespace P2PLearn.Actors.Remoting;

/// <summary>Limits of the membership plane's transport.</summary>
public sealed record P2PTransportOptions
{
    /// <summary>Room in a frame for Akka's envelope around a payload: the payload limit is checked before it is wrapped.</summary>
    public const int FrameSlackBytes = 1024;

    /// <summary>Largest serialized message, default 256 KiB. Akka drops larger ones when sending; model bytes never travel here.</summary>
    public int MaxPayloadBytes { get; init; } = 256 * 1024;

    /// <summary>
    /// Bytes that may wait or be in flight per association, default 256 KiB: some half a second of a slow home line, so that heartbeats
    /// queued behind a flood still arrive within the failure detector's pause. Above it <c>Write</c> says no and Akka keeps the message.
    /// </summary>
    public int MaxQueuedBytes { get; init; } = 256 * 1024;

    /// <summary>Frames that may wait per association, default 4096: bounds the queue when frames are tiny.</summary>
    public int MaxQueuedFrames { get; init; } = 4096;

    /// <summary>Bytes a second that one peer may send over one association before it is read more slowly, default 4 MiB.</summary>
    /// <remarks>Akka's mailboxes behind the transport have no bound of their own; this is theirs. Idle traffic is some 8 kB a second.</remarks>
    public int MaxInboundBytesPerSecond { get; init; } = 4 * 1024 * 1024;

    /// <summary>Inbound associations of one peer at the same time, default 4: one, plus those that a reconnect has not yet cleared away.</summary>
    public int MaxInboundPerPeer { get; init; } = 4;

    /// <summary>Time in which a peer that opened a stream has to name itself, default 10 s.</summary>
    public TimeSpan HandshakeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time in which a stream to a peer must be open, hole punching and relays included, default 25 s.</summary>
    public TimeSpan DialLimit { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Time given to queued frames when an association is closed, default 2 s.</summary>
    public TimeSpan FlushLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Largest frame, without its length prefix.</summary>
    public int MaxFrameBytes => MaxPayloadBytes + FrameSlackBytes;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPayloadBytes, 32 * 1024);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPayloadBytes, 16 * 1024 * 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedBytes, 16 * 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedFrames, 16);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInboundBytesPerSecond, 64 * 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInboundPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeLimit, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(DialLimit, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(FlushLimit, TimeSpan.Zero);
    }
}
