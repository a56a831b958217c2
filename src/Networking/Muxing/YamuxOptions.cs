namespace P2PLearn.Networking.Muxing;

/// <summary>Every limit and deadline of a yamux session.</summary>
/// <remarks>
/// What a remote can make a session hold: <see cref="MaxUnreadBytes"/> of data nobody has read, <see cref="MaxInboundStreams"/> streams,
/// <see cref="MaxPendingRefusals"/> refusals and <see cref="MaxPendingPongs"/> pings to answer. What this side can queue for sending: two
/// batches of <see cref="BatchBytes"/>, one being filled and one being written; writers beyond that wait.
/// </remarks>
public sealed record YamuxOptions
{
    /// <summary>The defaults.</summary>
    public static YamuxOptions Default { get; } = new();

    /// <summary>The largest receive window of a stream, bytes, 262144 (the protocol's first window) to 1 GiB.</summary>
    public uint MaxWindowBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How much all windows of the session together may have grown beyond their first 262144 bytes.</summary>
    public long MaxWindowGrowthBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// Received and unread bytes over all streams; a stream that would exceed it is reset. At least the growth above plus one first
    /// window, so that only many unread streams together, never a grown window alone, reach it.
    /// </summary>
    public long MaxUnreadBytes { get; init; } = 128L * 1024 * 1024;

    /// <summary>Streams of ours that may wait for their acknowledgement; further opens wait (yamux's backlog).</summary>
    public int MaxUnacknowledgedOpens { get; init; } = 256;

    /// <summary>
    /// Inbound streams that may wait to be accepted; further ones are reset. Go resets beyond 256, which is what an opener by the
    /// specification keeps to; js-libp2p opens a thousand at once. A stream that waits costs no more than one that was accepted, so the
    /// default is <see cref="MaxInboundStreams"/>.
    /// </summary>
    public int AcceptBacklog { get; init; } = 1000;

    /// <summary>Refusals (resets of streams never taken in) that may wait to be sent; who causes more without reading them is cut off.</summary>
    public int MaxPendingRefusals { get; init; } = 4096;

    /// <summary>Inbound streams that may exist at once; further ones are reset.</summary>
    public int MaxInboundStreams { get; init; } = 1000;

    /// <summary>Ping answers that may wait to be sent; further questions stay unanswered.</summary>
    public int MaxPendingPongs { get; init; } = 32;

    /// <summary>The longest body of a data frame we send, and so one stream's turn: 1 KiB to 64 KiB.</summary>
    public int MaxDataFrameBytes { get; init; } = 32 * 1024;

    /// <summary>Frames collected into one write of the link, bytes, 16 KiB to 1 MiB.</summary>
    public int BatchBytes { get; init; } = 256 * 1024;

    /// <summary>The buffer one read of the link fills, bytes, 4 KiB to 1 MiB. At 64 KiB a whole Noise message fits.</summary>
    public int ReadBufferBytes { get; init; } = 64 * 1024;

    /// <summary>How often the remote is pinged; the answers also give the round-trip time that lets windows grow.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after a ping the remote may stay silent (any byte is a sign of life) before the session ends.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long the remote may stay silent after data of ours before it is pinged out of turn: a router that has lost its
    /// table swallows data without a word.</summary>
    public TimeSpan SilenceBeforePing { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long it may then go on being silent before the session ends, or three round trips if those are longer; at most
    /// <see cref="PingTimeout"/>.</summary>
    public TimeSpan SilenceTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a stream that one side has closed may stay without any traffic before it is reset.</summary>
    public TimeSpan HalfClosedTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long closing may take to send what was written and to end the loops.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often deadlines are looked at: a quarter of the shortest, but for the silence, of which half will do; at most 5 s.</summary>
    internal TimeSpan TickInterval => TimeSpan.FromTicks(Math.Min(
        Math.Min(KeepAliveInterval.Ticks, PingTimeout.Ticks) / 4, Math.Min(SilenceBeforePing.Ticks / 2, TimeSpan.TicksPerSecond * 5)));

    /// <summary>Checks every range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside the range that its property documents.</exception>
    public void Validate()
    {
        Between(MaxWindowBytes, YamuxReceiveWindow.InitialBytes, 1 << 30, nameof(MaxWindowBytes));
        Between(MaxWindowGrowthBytes, 0, 1L << 40, nameof(MaxWindowGrowthBytes));
        Between(MaxUnreadBytes, MaxWindowGrowthBytes + YamuxReceiveWindow.InitialBytes, 1L << 41, nameof(MaxUnreadBytes));
        Between(MaxUnacknowledgedOpens, 1, 1 << 16, nameof(MaxUnacknowledgedOpens));
        Between(AcceptBacklog, 1, 1 << 16, nameof(AcceptBacklog));
        Between(MaxPendingRefusals, 1, 1 << 20, nameof(MaxPendingRefusals));
        Between(MaxInboundStreams, 1, 1 << 20, nameof(MaxInboundStreams));
        Between(MaxPendingPongs, 1, 1 << 16, nameof(MaxPendingPongs));
        Between(MaxDataFrameBytes, 1024, 64 * 1024, nameof(MaxDataFrameBytes));
        Between(BatchBytes, 16 * 1024, 1024 * 1024, nameof(BatchBytes));
        Between(ReadBufferBytes, 4 * 1024, 1024 * 1024, nameof(ReadBufferBytes));
        Positive(KeepAliveInterval, nameof(KeepAliveInterval));
        Positive(PingTimeout, nameof(PingTimeout));
        Positive(SilenceBeforePing, nameof(SilenceBeforePing));
        Positive(SilenceTimeout, nameof(SilenceTimeout));
        Positive(HalfClosedTimeout, nameof(HalfClosedTimeout));
        Positive(CloseTimeout, nameof(CloseTimeout));
    }

    private static void Between(long value, long least, long most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"allowed: {least} to {most}");
        }
    }

    private static void Positive(TimeSpan value, string name)
    {
        if (value < TimeSpan.FromMilliseconds(40) || value > TimeSpan.FromDays(1))
        {
            throw new ArgumentOutOfRangeException(name, value, "allowed: 40 ms to one day");
        }
    }
}
