using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Blocks;

/// <summary>Log messages of the block store: ids 1850–1859.</summary>
internal static partial class BlockStoreLog
{
    [LoggerMessage(1850, LogLevel.Warning, "blocks: {Cid} is damaged on the disk and was forgotten")]
    public static partial void Damaged(ILogger log, string cid);

    [LoggerMessage(1851, LogLevel.Information, "blocks: the last run did not close {Folder}; {Orphans} blocks taken in, {Missing} missing, {Damaged} damaged, {Torn} torn files deleted")]
    public static partial void Recovered(ILogger log, string folder, int orphans, int missing, int damaged, int torn);

    [LoggerMessage(1852, LogLevel.Warning, "blocks: the index of {Folder} was damaged; it was put aside and made anew, pins are lost")]
    public static partial void Rebuilt(ILogger log, string folder);

    [LoggerMessage(1853, LogLevel.Error, "blocks: {Message}")]
    public static partial void Failed(ILogger log, string message);

    [LoggerMessage(1854, LogLevel.Debug, "blocks: {Count} evicted")]
    public static partial void Evicted(ILogger log, int count);
}
