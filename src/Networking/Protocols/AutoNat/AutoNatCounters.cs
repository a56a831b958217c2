namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>What happened, counted. Safe for several threads.</summary>
internal sealed class AutoNatCounters
{
    private readonly long[] _counts = new long[Enum.GetValues<AutoNatEvent>().Length];

    /// <summary>How often so far.</summary>
    public long this[AutoNatEvent what] => Interlocked.Read(ref _counts[(int)what]);

    /// <summary>It happened.</summary>
    public void Add(AutoNatEvent what) => Interlocked.Increment(ref _counts[(int)what]);
}

/// <summary>What <see cref="AutoNatCounters"/> counts.</summary>
internal enum AutoNatEvent
{
    /// <summary>Server: a request came in.</summary>
    Requested,

    /// <summary>Server: a request was over a rate or concurrency limit, or came through a relay.</summary>
    Rejected,

    /// <summary>Server: no address of a request may be dialled by us.</summary>
    Refused,

    /// <summary>Server: an upload was asked for.</summary>
    DataAsked,

    /// <summary>Server: the upload did not come, not all of it or not as agreed: nothing was dialled.</summary>
    DataMissing,

    /// <summary>Server: an address was dialled.</summary>
    Dialled,

    /// <summary>Server: it was reached, and took the dial-back.</summary>
    Reached,

    /// <summary>Server: another server dialled in our place.</summary>
    Delegated,

    /// <summary>Client: a server was asked.</summary>
    Asked,

    /// <summary>Client: a server did not answer, or asked for too much.</summary>
    Unanswered,

    /// <summary>Client: an address was found reachable.</summary>
    Reachable,

    /// <summary>Client: an address was found unreachable.</summary>
    Unreachable,

    /// <summary>Client: a server claimed to have got through, and no dial-back came, or not on the address asked
    /// about.</summary>
    Unproven,

    /// <summary>Client: a dial-back with a number that we did not give out, or not any more.</summary>
    Unasked,

    /// <summary>An observed address was not counted.</summary>
    ObservationIgnored,
}
