using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What the relay server logs; ids 1300 to 1319.</summary>
internal static partial class RelayServerLog
{
    [LoggerMessage(1300, LogLevel.Information, "relaying for others: up to {Reservations} reservations and {Circuits} circuits")]
    public static partial void Activated(ILogger log, int reservations, int circuits);

    [LoggerMessage(1301, LogLevel.Information, "no longer relaying for others; {Circuits} circuits may finish")]
    public static partial void Deactivated(ILogger log, int circuits);

    [LoggerMessage(1302, LogLevel.Debug, "{Peer} has a reservation here until {Expires}")]
    public static partial void Reserved(ILogger log, string peer, DateTimeOffset expires);

    [LoggerMessage(1303, LogLevel.Debug, "refused {Peer}: {Status}")]
    public static partial void Refused(ILogger log, string peer, string status);

    [LoggerMessage(1304, LogLevel.Debug, "circuit from {Source} to {Target} is up")]
    public static partial void CircuitUp(ILogger log, string source, string target);

    [LoggerMessage(1305, LogLevel.Debug, "circuit from {Source} to {Target} ended after {Bytes} bytes: {Reason}")]
    public static partial void CircuitEnded(ILogger log, string source, string target, long bytes, EndReason reason);

    [LoggerMessage(1306, LogLevel.Debug, "{Target} did not take the circuit from {Source}: {Message}")]
    public static partial void NotTaken(ILogger log, string source, string target, string message);

    [LoggerMessage(1307, LogLevel.Error, "a handler of the relay's changes failed")]
    public static partial void HandlerFailed(ILogger log, Exception exception);
}
