namespace P2PLearn.Networking.Muxing;

/// <summary>What the session knows of one stream.</summary>
/// <remarks>
/// Changed only by <see cref="YamuxSessionState"/>. A stream is in the session's map from its opening until both sides have said FIN, or
/// one has said RST and, when it was us, the RST has been handed to the writer. Pure.
/// <code>
///   open ──FIN sent──▶ half closed ──FIN received──▶ Completed        SYN or ACK, credit: in the control list until sent
///     │  ╲─FIN received▶ half closed ──FIN sent──▶ Completed          data with window, FIN, RST: in the turn list
///     ╰──RST either way, from any state──▶ ended
/// </code>
/// </remarks>
internal sealed class YamuxStreamState
{
    private volatile EndReason _end;

    /// <summary>Creates an open stream.</summary>
    public YamuxStreamState(uint id, bool isInbound, uint maxWindowBytes, TimeSpan now)
    {
        Id = id;
        IsInbound = isInbound;
        Window = new YamuxReceiveWindow(maxWindowBytes);
        LastActivity = now;
        ControlNode = new LinkedListNode<YamuxStreamState>(this);
        TurnNode = new LinkedListNode<YamuxStreamState>(this);
    }

    /// <summary>Odd when the client opened it, even when the server did; never 0.</summary>
    public uint Id { get; }

    /// <summary>Opened by the remote.</summary>
    public bool IsInbound { get; }

    /// <summary>What the remote may send to us.</summary>
    public YamuxReceiveWindow Window { get; }

    /// <summary>What we may send; only data bodies count. At most 2³² − 1: credit beyond that is worth nothing.</summary>
    public uint SendWindow { get; set; } = YamuxReceiveWindow.InitialBytes;

    /// <summary>Bytes of the pending write that are not yet handed to the writer.</summary>
    public int PendingBytes { get; set; }

    /// <summary>The opening is not yet said.</summary>
    public bool SynPending { get; set; }

    /// <summary>Accepted, and that is not yet said.</summary>
    public bool AckPending { get; set; }

    /// <summary>Ours, and the remote has not acknowledged it: counts against the backlog.</summary>
    public bool IsUnacknowledged { get; set; }

    /// <summary>Credit that was granted and not yet said.</summary>
    public uint CreditPending { get; set; }

    /// <summary>The writer of this side is done; FIN goes after the pending bytes.</summary>
    public bool FinPending { get; set; }

    /// <summary>FIN was handed to the writer.</summary>
    public bool FinSent { get; set; }

    /// <summary>The remote said FIN: no data may follow.</summary>
    public bool FinReceived { get; set; }

    /// <summary>We ended it; the RST is not yet handed to the writer.</summary>
    public bool ResetPending { get; set; }

    /// <summary>Nobody reads here any more: data from the remote is answered with RST.</summary>
    public bool IsReadDiscarded { get; set; }

    /// <summary>The last time a frame of it came or went.</summary>
    public TimeSpan LastActivity { get; set; }

    /// <summary>Why it ended; none while it is open. May be read by any thread.</summary>
    public EndReason End
    {
        get => _end;
        set => _end = value;
    }

    /// <summary>Half of the window: the reader reports what was read in portions of at least this. May be read by any thread.</summary>
    public uint ReportThreshold => Window.Size / 2;

    /// <summary>Its place among the streams that have control frames to send.</summary>
    public LinkedListNode<YamuxStreamState> ControlNode { get; }

    /// <summary>Its place among the streams that have data, FIN or RST to send.</summary>
    public LinkedListNode<YamuxStreamState> TurnNode { get; }

    /// <summary>Whatever the shell wants to find again with the state; the state never looks at it.</summary>
    public object? Owner { get; set; }

    /// <summary>Exactly one side has closed its direction.</summary>
    public bool IsHalfClosed => FinSent != FinReceived;

    /// <summary>Something may be sent in the stream's turn.</summary>
    public bool WantsTurn => ResetPending || (PendingBytes > 0 ? SendWindow > 0 : FinPending);
}
