using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Protocols.Kad.Lookups;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>What the DHT logs; ids 1800 to 1849.</summary>
internal static partial class KadLog
{
    [LoggerMessage(1800, LogLevel.Information, "serving the DHT {Protocol}")]
    public static partial void Serving(ILogger log, string protocol);

    [LoggerMessage(1801, LogLevel.Information, "no longer serving the DHT {Protocol}: a client of it")]
    public static partial void NotServing(ILogger log, string protocol);

    [LoggerMessage(1802, LogLevel.Debug, "a DHT request to {Peer} failed: {Reason}, {Message}")]
    public static partial void RequestFailed(ILogger log, string peer, EndReason reason, string message);

    [LoggerMessage(1803, LogLevel.Debug, "a DHT lookup ended: {End} after {Requests} requests")]
    public static partial void LookupEnded(ILogger log, LookupEnd end, int requests);

    [LoggerMessage(1804, LogLevel.Debug, "{Peer} gave a DHT value that does not hold: {Check}")]
    public static partial void BadValue(ILogger log, string peer, Records.RecordCheck check);

    [LoggerMessage(1805, LogLevel.Error, "a background task of the DHT failed")]
    public static partial void Unexpected(ILogger log, Exception exception);

    [LoggerMessage(1806, LogLevel.Warning, "what the DHT keeps cannot be written, it is tried again: {Message}")]
    public static partial void StorageFailed(ILogger log, string message);

    [LoggerMessage(1807, LogLevel.Information, "what the DHT keeps can be written again")]
    public static partial void StorageWorks(ILogger log);
}
