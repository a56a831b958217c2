using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Log messages of the relay client: ids 1320–1339.</summary>
internal static partial class RelayClientLog
{
    [LoggerMessage(1320, LogLevel.Information, "relay: {Relay} holds a slot for us until {Expires:u}, limit {Limit}")]
    public static partial void Reserved(ILogger log, string relay, DateTimeOffset expires, string limit);

    [LoggerMessage(1321, LogLevel.Debug, "relay: {Relay} holds our slot on, until {Expires:u}")]
    public static partial void Renewed(ILogger log, string relay, DateTimeOffset expires);

    [LoggerMessage(1322, LogLevel.Information, "relay: the slot on {Relay} is gone")]
    public static partial void Lost(ILogger log, string relay);

    [LoggerMessage(1323, LogLevel.Debug, "relay: no slot on {Relay} ({Failure}): {Message}")]
    public static partial void NotReserved(ILogger log, string relay, ReservationFailure failure, string message);

    [LoggerMessage(1324, LogLevel.Debug, "relay: {Relay} cannot be reached: {Message}")]
    public static partial void NotReached(ILogger log, string relay, string message);

    [LoggerMessage(1325, LogLevel.Warning, "relay: {Relay}, which the settings name, is connected but does not relay")]
    public static partial void NoRelay(ILogger log, string relay);

    [LoggerMessage(1326, LogLevel.Debug, "relay: {Peer} is connected through {Relay}")]
    public static partial void CircuitTaken(ILogger log, string peer, string relay);

    [LoggerMessage(1327, LogLevel.Debug, "relay: a circuit through {Relay} is refused: {Status}")]
    public static partial void CircuitRefused(ILogger log, string relay, RelayStatusCode status);

    [LoggerMessage(1328, LogLevel.Debug, "relay: the circuit of {Peer} through {Relay} failed, {Reason}: {Message}")]
    public static partial void CircuitFailed(ILogger log, string peer, string relay, EndReason reason, string message);

    [LoggerMessage(1329, LogLevel.Error, "relay: a background task failed")]
    public static partial void Unexpected(ILogger log, Exception exception);
}
