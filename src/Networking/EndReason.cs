namespace P2PLearn.Networking;

/// <summary>Why a stream, session or connection ended. Counted, logged and reported; never compared as text.</summary>
/// <remarks>Every reason is reachable by a test. A reason from <see cref="MalformedMessage"/> on lowers the peer's score.</remarks>
public enum EndReason
{
    /// <summary>Still open.</summary>
    None = 0,

    /// <summary>Both sides finished; nothing went wrong.</summary>
    Completed,

    /// <summary>This side closed it.</summary>
    ClosedLocally,

    /// <summary>The other side closed or reset it.</summary>
    ClosedByRemote,

    /// <summary>The link under it broke.</summary>
    LinkLost,

    /// <summary>A deadline passed.</summary>
    Timeout,

    /// <summary>A limit on connections, streams, handshakes or memory was reached.</summary>
    LimitReached,

    /// <summary>The other side speaks none of the offered protocols.</summary>
    ProtocolNotSupported,

    /// <summary>The remote is not the peer we dialled.</summary>
    PeerIdMismatch,

    /// <summary>The address led back to this node.</summary>
    SelfDial,

    /// <summary>The peer did not prove the mesh key, or is not on the allow list.</summary>
    NotAdmitted,

    /// <summary>A better connection with the same peer took its place: a direct one for a relayed one.</summary>
    Superseded,

    /// <summary>Only a relayed connection is there, and the protocol may not use it.</summary>
    LimitedConnection,

    /// <summary>A message that its format does not allow.</summary>
    MalformedMessage,

    /// <summary>A length beyond the limit of its format.</summary>
    MessageTooLarge,

    /// <summary>A message that is not allowed in this state.</summary>
    UnexpectedMessage,

    /// <summary>A signature, MAC or authentication tag that does not hold.</summary>
    AuthenticationFailed,

    /// <summary>More data than the receive window allows (yamux, Flow Control).</summary>
    WindowExceeded,

    /// <summary>More streams, proposals, pings or requests than allowed.</summary>
    TooManyRequests,
}
