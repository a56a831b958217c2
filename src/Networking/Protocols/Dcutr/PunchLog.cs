using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>What hole punching logs; ids 1360 to 1379.</summary>
internal static partial class PunchLog
{
    [LoggerMessage(1360, LogLevel.Debug, "hole punch with {Peer}: {Outcome} after {Attempts} attempts and {Milliseconds} ms, {Message}")]
    public static partial void Ended(
        ILogger log, string peer, HolePunchOutcome outcome, int attempts, double milliseconds, string message);

    [LoggerMessage(1361, LogLevel.Debug, "hole punch with {Peer}: dialling {Count} addresses as {Side}, round trip {Milliseconds} ms")]
    public static partial void Dialling(ILogger log, string peer, int count, PunchSide side, double milliseconds);

    [LoggerMessage(1362, LogLevel.Debug, "hole punch with {Peer}: {Origin} link with {Address}")]
    public static partial void LinkUp(ILogger log, string peer, PunchLinkOrigin origin, Multiaddr address);

    [LoggerMessage(1363, LogLevel.Debug, "hole punch with {Peer}: link with {Address} failed: {Reason}, {Message}")]
    public static partial void LinkFailed(ILogger log, string peer, Multiaddr address, EndReason reason, string message);

    [LoggerMessage(1364, LogLevel.Debug, "hole punch asked for by {Peer} refused: {Message}")]
    public static partial void Refused(ILogger log, string peer, string message);

    [LoggerMessage(1365, LogLevel.Debug, "dialling {Peer} back at {Count} addresses")]
    public static partial void DiallingBack(ILogger log, string peer, int count);

    [LoggerMessage(1366, LogLevel.Error, "unexpected")]
    public static partial void Unexpected(ILogger log, Exception exception);
}
