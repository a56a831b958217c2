namespace P2PLearn.Actors.Remoting;

/// <summary>Limits of the membership plane's transport.</summary>
public sealed record P2PTransportOptions
{
    /// <summary>Room in a frame for Akka's envelope around a payload: the payload limit is checked before it is wrapped.</summary>
    public const int FrameSlackBytes = 1024;

    /// <summary>Largest serialized message, default 256 KiB. Akka drops larger ones when sending; model bytes never travel here.</summary>
    public int MaxPayloadBytes { get; init; } = 256 * 1024;

    /// <summary>
    /// Bytes that may wait to be sent or to be acknowledged per association and direction, default 512 KiB: some half a second of a slow home line,
    /// so that heartbeats queued behind a flood still arrive within the failure detector's pause. Above it <c>Write</c> says no and Akka keeps
    /// the message. All of it is kept until the peer has it, to be sent again when the connection broke.
    /// </summary>
    public int MaxQueuedBytes { get; init; } = 512 * 1024;

    /// <summary>Frames that may wait to be sent or to be acknowledged, default 4096: bounds the queue when frames are tiny.</summary>
    public int MaxQueuedFrames { get; init; } = 4096;

    /// <summary>
    /// Time in which an association whose stream broke has to go on over another, default 10 s; then Akka is told that it is over. Less than the
    /// failure detector's pause, so that Akka notices nothing before; more than a dial over a relay takes.
    /// </summary>
    public TimeSpan ResumeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time in which the peer has to answer on a stream that an association should go on over, default 3 s: a round trip over relays.</summary>
    public TimeSpan ResumeAnswerLimit { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Longest pause between two tries to go on, default 1 s; the first is at once.</summary>
    public TimeSpan MaxResumePause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Streams on which one peer may ask to go on with an association, a minute, default 120. Each makes this node send again what was not acknowledged,
    /// at most <see cref="MaxQueuedBytes"/>; our own redials stay below one a second.
    /// </summary>
    public int MaxResumesPerMinute { get; init; } = 120;

    /// <summary>
    /// Time without any acknowledgement, while the queue is full, after which the association is ended, default 30 s: Akka's own queue before ours
    /// has no bound.
    /// </summary>
    public TimeSpan AckLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a second that one peer may send over one association before it is read more slowly, default 4 MiB.</summary>
    /// <remarks>Akka's mailboxes behind the transport have no bound of their own; this is theirs. Idle traffic is some hundred bytes a second.</remarks>
    public int MaxInboundBytesPerSecond { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Inbound associations, and streams for them, of one peer at the same time, default 4: one, plus those that a reconnect has not yet cleared away.
    /// Of the associations one that waits for its stream makes room.
    /// </summary>
    public int MaxInboundPerPeer { get; init; } = 4;

    /// <summary>Time in which a peer that opened a stream has to name itself, default 10 s.</summary>
    public TimeSpan HandshakeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time in which a stream to a peer must be open, hole punching and relays included, default 25 s.</summary>
    public TimeSpan DialLimit { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Time given to queued frames when an association is closed, until the peer has read them, default 2 s.</summary>
    public TimeSpan FlushLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Largest frame, without its length prefix.</summary>
    public int MaxFrameBytes => MaxPayloadBytes + FrameSlackBytes;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPayloadBytes, 32 * 1024);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPayloadBytes, 8 * 1024 * 1024); // a length is 24 bits
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedBytes, 2 * AssociationLedger.AckEveryBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedFrames, 2 * AssociationLedger.AckEveryFrames);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxResumesPerMinute, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInboundBytesPerSecond, 64 * 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInboundPerPeer, 1);
        foreach (TimeSpan limit in (TimeSpan[])[HandshakeLimit, DialLimit, FlushLimit, ResumeLimit, ResumeAnswerLimit, MaxResumePause, AckLimit])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero);
        }
    }
}
