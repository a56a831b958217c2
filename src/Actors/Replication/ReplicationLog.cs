using Microsoft.Extensions.Logging;

namespace P2PLearn.Actors.Replication;

internal static partial class ReplicationLog
{
    [LoggerMessage(2360, LogLevel.Error, "the replicated state cannot be saved, so nothing of this node is announced: {Reason}")]
    public static partial void NotSaved(this ILogger log, string reason);

    [LoggerMessage(2361, LogLevel.Information, "the replicated state is saved again")]
    public static partial void SavedAgain(this ILogger log);

    [LoggerMessage(2362, LogLevel.Warning, "{Count} damaged rows of the replicated state were dropped")]
    public static partial void RowsDropped(this ILogger log, int count);
}
