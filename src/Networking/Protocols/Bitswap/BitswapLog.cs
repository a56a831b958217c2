using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>Log messages of bitswap: ids 1860–1869.</summary>
internal static partial class BitswapLog
{
    [LoggerMessage(1860, LogLevel.Warning, "bitswap: {Peer} sent a block that it was not asked for")]
    public static partial void Unasked(ILogger log, string peer);

    [LoggerMessage(1861, LogLevel.Debug, "bitswap: cannot send to {Peer}: {Message}")]
    public static partial void NotSent(ILogger log, string peer, string message);

    [LoggerMessage(1862, LogLevel.Warning, "bitswap: a block for {Peer} cannot be read: {Message}")]
    public static partial void NotRead(ILogger log, string peer, string message);

    [LoggerMessage(1863, LogLevel.Error, "bitswap: unexpected")]
    public static partial void Unexpected(ILogger log, Exception exception);
}
