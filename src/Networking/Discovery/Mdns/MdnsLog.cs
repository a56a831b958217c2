using System.Net;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>Log messages of mDNS discovery: ids 1500–1509.</summary>
internal static partial class MdnsLog
{
    [LoggerMessage(1500, LogLevel.Debug, "mdns: {Peer} is on interface {Interface} at {Address}")]
    public static partial void Found(ILogger log, PeerId peer, int @interface, Multiaddr address);

    [LoggerMessage(1501, LogLevel.Warning, "mdns: {Family} port {Port} cannot be opened, so no peers are found there: {Message}")]
    public static partial void NotOpened(ILogger log, string family, int port, string message);

    [LoggerMessage(1502, LogLevel.Debug, "mdns: looking for peers on {Interfaces}")]
    public static partial void Links(ILogger log, string interfaces);

    [LoggerMessage(1503, LogLevel.Debug, "mdns: nothing could be sent on {Interface}: {Message}")]
    public static partial void NotSent(ILogger log, string @interface, string message);

    [LoggerMessage(1504, LogLevel.Debug, "mdns: {Interface} cannot be joined: {Message}")]
    public static partial void NotJoined(ILogger log, string @interface, string message);

    [LoggerMessage(1505, LogLevel.Debug, "mdns: receiving failed: {Message}")]
    public static partial void NotReceived(ILogger log, string message);

    [LoggerMessage(1506, LogLevel.Debug, "mdns: an answer of {Source} is not believed: {Outcome}")]
    public static partial void Refused(ILogger log, IPAddress source, MdnsOutcome outcome);

    [LoggerMessage(1507, LogLevel.Error, "mdns: a handler failed")]
    public static partial void HandlerFailed(ILogger log, Exception exception);
}
