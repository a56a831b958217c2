using System.Net;
using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Log messages of port mapping: ids 1380–1399.</summary>
internal static partial class PortMappingLog
{
    [LoggerMessage(1380, LogLevel.Information, "port mapping: {Gateway} forwards {External} to port {Port} ({Protocol})")]
    public static partial void Mapped(
        ILogger log, IPAddress gateway, IPEndPoint external, int port, PortMappingProtocol protocol);

    [LoggerMessage(1381, LogLevel.Information, "port mapping: none: {Problem}")]
    public static partial void NoMapping(ILogger log, string problem);

    [LoggerMessage(1382, LogLevel.Debug, "port mapping: renewed at {Gateway} until {Expires}")]
    public static partial void Renewed(ILogger log, IPAddress gateway, DateTimeOffset expires);

    [LoggerMessage(1383, LogLevel.Information, "port mapping: {Gateway} has lost the mapping; asking anew")]
    public static partial void Lost(ILogger log, IPAddress gateway);

    [LoggerMessage(1384, LogLevel.Information, "port mapping: removed at {Gateway}")]
    public static partial void Removed(ILogger log, IPAddress gateway);

    [LoggerMessage(1385, LogLevel.Information, "port mapping: {Gateway} did not confirm the removal; it forgets by itself at {Expires}")]
    public static partial void NotRemoved(ILogger log, IPAddress gateway, DateTimeOffset expires);

    [LoggerMessage(1386, LogLevel.Debug, "port mapping: {Gateway} gave no answer: {Message}")]
    public static partial void NoAnswer(ILogger log, IPAddress gateway, string message);

    [LoggerMessage(1387, LogLevel.Debug, "port mapping: passed over from {Gateway}: {What}")]
    public static partial void Ignored(ILogger log, IPAddress gateway, string what);

    [LoggerMessage(1388, LogLevel.Error, "port mapping: a background task or handler failed")]
    public static partial void Unexpected(ILogger log, Exception exception);

    [LoggerMessage(1389, LogLevel.Debug, "port mapping: {Protocol} at {Gateway}: {Answer}")]
    public static partial void Answered(ILogger log, PortMappingProtocol protocol, IPAddress gateway, string answer);

    [LoggerMessage(1390, LogLevel.Debug, "port mapping: does not hear restarts of the gateway: {Message}")]
    public static partial void NotListening(ILogger log, string message);
}
