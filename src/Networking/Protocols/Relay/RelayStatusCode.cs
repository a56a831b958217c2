namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a relay, or the target of a circuit, answers.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, <c>Status</c>. A remote may send numbers that are not listed: every
/// number but <see cref="Ok"/> means no.</remarks>
internal enum RelayStatusCode
{
    /// <summary>The message holds none.</summary>
    None = 0,

    /// <summary>Granted.</summary>
    Ok = 100,

    /// <summary>No slot for this peer.</summary>
    ReservationRefused = 200,

    /// <summary>Too many circuits, or too many requests.</summary>
    ResourceLimitExceeded = 201,

    /// <summary>Not for this peer, or not over this connection.</summary>
    PermissionDenied = 202,

    /// <summary>The target did not take the circuit.</summary>
    ConnectionFailed = 203,

    /// <summary>The target holds no slot here.</summary>
    NoReservation = 204,

    /// <summary>Not to be understood.</summary>
    MalformedMessage = 400,

    /// <summary>Understood, but not allowed at this point.</summary>
    UnexpectedMessage = 401,
}
