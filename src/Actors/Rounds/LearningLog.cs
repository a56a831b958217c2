using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Rounds;

internal static partial class LearningLog
{
    [LoggerMessage(2350, LogLevel.Error, "the run failed")]
    public static partial void RunFailed(this ILogger log, Exception cause);

    [LoggerMessage(2351, LogLevel.Debug, "a contribution of round {Round} is not in the replicated set: {Reason}")]
    public static partial void Unpublished(this ILogger log, uint round, ReplicationRefusal reason);

    [LoggerMessage(2352, LogLevel.Warning, "run {Run} trains the model '{Model}', which is not known here; is a --plugin missing?")]
    public static partial void ModelUnknown(this ILogger log, RunId run, string model);
}
