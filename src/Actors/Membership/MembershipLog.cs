using Microsoft.Extensions.Logging;

namespace P2PLearn.Actors.Membership;

/// <summary>Log lines of the cluster's host, ids 2050–2099.</summary>
internal static partial class MembershipLog
{
    [LoggerMessage(2050, LogLevel.Information, "founding a cluster")]
    public static partial void Founding(this ILogger log);

    [LoggerMessage(2051, LogLevel.Information, "asking {Count} reachable peers to be let into the cluster")]
    public static partial void Asking(this ILogger log, int count);

    [LoggerMessage(2052, LogLevel.Information, "in the cluster, {Count} members")]
    public static partial void Joined(this ILogger log, int count);

    [LoggerMessage(2053, LogLevel.Warning, "the membership was lost ({Why}); coming back in {Pause}")]
    public static partial void Lost(this ILogger log, string why, TimeSpan pause);

    [LoggerMessage(2054, LogLevel.Information, "left the cluster")]
    public static partial void Left(this ILogger log);

    [LoggerMessage(2055, LogLevel.Information, "cluster: {Kind} {Peer}")]
    public static partial void Changed(this ILogger log, ClusterChangeKind kind, string peer);

    [LoggerMessage(2056, LogLevel.Warning, "the graceful leave took longer than {Limit}; ended without it")]
    public static partial void LeaveTimedOut(this ILogger log, TimeSpan limit);

    [LoggerMessage(2057, LogLevel.Error, "the actor system could not be built")]
    public static partial void BuildFailed(this ILogger log, Exception cause);

    [LoggerMessage(2058, LogLevel.Error, "the members file could not be written")]
    public static partial void MembersNotSaved(this ILogger log, Exception cause);
}
