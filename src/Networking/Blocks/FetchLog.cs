using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Blocks;

/// <summary>Log messages of fetches: ids 1880–1889.</summary>
internal static partial class FetchLog
{
    [LoggerMessage(1880, LogLevel.Information, "fetch: {Peer} is dropped ({Reason}) and left alone for {Pause}")]
    public static partial void Dropped(ILogger log, string peer, EndReason reason, TimeSpan pause);

    [LoggerMessage(1881, LogLevel.Error, "fetch: unexpected")]
    public static partial void Unexpected(ILogger log, Exception exception);
}
