using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Discovery;

/// <summary>Log messages of the peer cache: ids 1510–1519.</summary>
internal static partial class PeerCacheLog
{
    [LoggerMessage(1510, LogLevel.Warning, "peer cache: {File} is not used, and will be written anew: {Message}")]
    public static partial void NotRead(ILogger log, string file, string message);

    [LoggerMessage(1511, LogLevel.Warning, "peer cache: {File} cannot be written: {Message}")]
    public static partial void NotWritten(ILogger log, string file, string message);

    [LoggerMessage(1512, LogLevel.Debug, "peer cache: {Count} peers of earlier runs in {File}")]
    public static partial void Loaded(ILogger log, int count, string file);
}
