using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm.Limits;

namespace P2PLearn.Networking.Swarm;

/// <summary>What the swarm logs; ids 1000 to 1049.</summary>
internal static partial class SwarmLog
{
    [LoggerMessage(1000, LogLevel.Information, "listening on {Address}")]
    public static partial void Listening(ILogger log, Multiaddr address);

    [LoggerMessage(1001, LogLevel.Debug, "connection {Id} with {Peer} is up: {Direction} {Address}")]
    public static partial void ConnectionUp(
        ILogger log, long id, string peer, ConnectionDirection direction, Multiaddr address);

    [LoggerMessage(1002, LogLevel.Debug, "connection {Id} with {Peer} ended: {Reason}")]
    public static partial void ConnectionEnded(ILogger log, long id, string peer, EndReason reason);

    [LoggerMessage(1003, LogLevel.Debug, "inbound connection from {Address} failed: {Reason}, {Message}")]
    public static partial void InboundFailed(ILogger log, Multiaddr address, EndReason reason, string message);

    [LoggerMessage(1004, LogLevel.Debug, "refused by the limit {Limit}: {Address}")]
    public static partial void Refused(ILogger log, ResourceLimit limit, Multiaddr address);

    [LoggerMessage(1005, LogLevel.Debug, "dialling {Address} failed: {Reason}, {Message}")]
    public static partial void DialFailed(ILogger log, Multiaddr address, EndReason reason, string message);

    [LoggerMessage(1006, LogLevel.Debug, "{Peer} broke a rule: {Reason}, {Message}")]
    public static partial void RuleBroken(ILogger log, string peer, EndReason reason, string message);

    [LoggerMessage(1007, LogLevel.Warning, "{Peer} broke too many rules and is refused for a while")]
    public static partial void Banned(ILogger log, string peer);

    [LoggerMessage(1008, LogLevel.Debug, "identify with {Peer} failed: {Reason}, {Message}")]
    public static partial void IdentifyFailed(ILogger log, string peer, EndReason reason, string message);

    [LoggerMessage(1009, LogLevel.Debug, "stream {Protocol} from {Peer} failed: {Message}")]
    public static partial void StreamFailed(ILogger log, string protocol, string peer, string message);

    [LoggerMessage(1010, LogLevel.Error, "a handler or background task of the swarm failed")]
    public static partial void Unexpected(ILogger log, Exception exception);

    [LoggerMessage(1012, LogLevel.Debug, "connection {Id} with {Peer} is superseded by a better one")]
    public static partial void Superseded(ILogger log, long id, string peer);

    [LoggerMessage(1011, LogLevel.Warning, "{Count} streams of connection {Id} with {Peer} did not end in time")]
    public static partial void StreamsLeft(ILogger log, int count, long id, string peer);
}
