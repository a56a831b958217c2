namespace P2PLearn.Networking.Muxing;

/// <summary>What the shell has to do after a frame.</summary>
[Flags]
internal enum YamuxActions
{
    /// <summary>Nothing; a body is read and dropped.</summary>
    None = 0,

    /// <summary>The stream is new: hand it to whoever accepts.</summary>
    Accept = 1,

    /// <summary>The frame's body belongs to the stream's reader.</summary>
    Deliver = 2,

    /// <summary>After the body the reader has reached the end.</summary>
    EndOfData = 4,

    /// <summary>The stream ended, see its reason: fail its reader and writer.</summary>
    Fail = 8,

    /// <summary>The remote accepts no more streams: fail those who wait to open one.</summary>
    GoingAway = 16,

    /// <summary>The session is over.</summary>
    EndSession = 32,
}

/// <summary>The effects of one frame.</summary>
/// <param name="Actions">What to do, in the order of the flags.</param>
/// <param name="Stream">Whom it concerns.</param>
/// <param name="Reason">Why the session ends.</param>
internal readonly record struct YamuxOutcome(
    YamuxActions Actions, YamuxStreamState? Stream = null, EndReason Reason = EndReason.None)
{
    /// <summary>Whether <paramref name="action"/> is among them.</summary>
    public bool Has(YamuxActions action) => (Actions & action) != YamuxActions.None;
}

/// <summary>One frame that a stream may send now.</summary>
/// <param name="Stream">Whose turn it is.</param>
/// <param name="Header">The frame; for data its length says how many bytes to take from the pending write.</param>
internal readonly record struct YamuxTurn(YamuxStreamState Stream, YamuxHeader Header);
