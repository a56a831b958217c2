namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a relay's "no" means.</summary>
internal static class RelayRefusal
{
    /// <summary>The failure of a relayed dial that a relay refused.</summary>
    public static UpgradeException ToException(RelayStatusCode status) => status switch
    {
        RelayStatusCode.ResourceLimitExceeded or RelayStatusCode.ReservationRefused =>
            new(EndReason.LimitReached, "the relay has no room for another circuit"),
        RelayStatusCode.PermissionDenied =>
            new(EndReason.NotAdmitted, "the relay does not relay this for us"),
        RelayStatusCode.ConnectionFailed =>
            new(EndReason.LinkLost, "the relay could not get the circuit to that peer"),
        RelayStatusCode.NoReservation =>
            new(EndReason.LinkLost, "the relay has no reservation of that peer"),
        RelayStatusCode.MalformedMessage or RelayStatusCode.UnexpectedMessage =>
            new(EndReason.ProtocolNotSupported, "the relay did not understand the request"),
        _ => new(EndReason.LinkLost, $"the relay refused with the unknown status {(int)status}"),
    };

    /// <summary>How a refused reservation is to be taken.</summary>
    public static ReservationFailure ToFailure(RelayStatusCode status) => status switch
    {
        RelayStatusCode.ReservationRefused or RelayStatusCode.ResourceLimitExceeded => ReservationFailure.NoRoom,
        _ => ReservationFailure.Denied,
    };
}

/// <summary>Why a relay gave no slot.</summary>
internal enum ReservationFailure
{
    /// <summary>The request broke off, or was not answered in time.</summary>
    Broken,

    /// <summary>The relay has no room now.</summary>
    NoRoom,

    /// <summary>The relay refuses us, does not relay, or answers what no relay may.</summary>
    Denied,
}
