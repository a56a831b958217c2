namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>How a call ended. The numbers are on the wire (see <see cref="RpcFrame"/>).</summary>
public enum RpcStatus : ushort
{
    /// <summary>Answered.</summary>
    Ok = 0,

    /// <summary>The caller gave up.</summary>
    Cancelled = 1,

    /// <summary>The caller's time was over before the answer.</summary>
    DeadlineExceeded = 2,

    /// <summary>The peer has no such method, or not in this form (unary, streamed).</summary>
    NotFound = 3,

    /// <summary>The method does not accept this request.</summary>
    InvalidArgument = 4,

    /// <summary>A limit on calls or bytes was reached, here or there.</summary>
    ResourceExhausted = 5,

    /// <summary>The peer cannot be reached, or was lost before it answered.</summary>
    Unavailable = 6,

    /// <summary>The method failed; the peer's log knows why.</summary>
    Internal = 7,

    /// <summary>The caller may not do this.</summary>
    PermissionDenied = 8,
}
