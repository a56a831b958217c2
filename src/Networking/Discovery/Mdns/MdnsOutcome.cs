namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>What a packet was.</summary>
internal enum MdnsOutcome
{
    /// <summary>About something else, or of an interface not used (any more).</summary>
    Ignored,

    /// <summary>A question that is answered.</summary>
    Query,

    /// <summary>An answer that says something new: a peer, other addresses, or that half its life is over.</summary>
    Found,

    /// <summary>An answer that says what was told already, or changes faster than is told.</summary>
    Known,

    /// <summary>A peer takes its leave.</summary>
    Gone,

    /// <summary>No DNS message, or one beyond a limit.</summary>
    Malformed,

    /// <summary>Not from a neighbour on the link.</summary>
    OffLink,

    /// <summary>One of too many within a second.</summary>
    Throttled,

    /// <summary>Our own answer.</summary>
    Own,

    /// <summary>An address that does not end in a peer id.</summary>
    NoPeerId,

    /// <summary>Addresses of several peers.</summary>
    PeerIdsDiffer,

    /// <summary>No address that can be used.</summary>
    NoAddress,

    /// <summary>A peer beyond the number that is remembered.</summary>
    Full,
}

/// <summary>What came of a packet.</summary>
/// <param name="Outcome">What it was.</param>
/// <param name="Announcement">For <see cref="MdnsOutcome.Found"/>: whom to tell of.</param>
internal readonly record struct MdnsReceipt(MdnsOutcome Outcome, MdnsAnnouncement? Announcement = null);

/// <summary>A packet to send on one interface.</summary>
internal readonly record struct MdnsPacket(MdnsLink Link, byte[] Bytes);
