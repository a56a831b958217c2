using Microsoft.Extensions.Logging;

namespace P2PLearn.Actors.Membership;

/// <summary>Log lines of the cluster's host, ids 2050–2099 and 2310–2319.</summary>
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

    [LoggerMessage(2310, LogLevel.Warning, "cannot reach member {Peer}: {Reason}; this node joins when it can, directly or over a relay")]
    public static partial void CannotReach(this ILogger log, string peer, string reason);

    [LoggerMessage(2311, LogLevel.Error, "still outside of the cluster after {Patience}, since these members cannot be reached: {Peers}; "
        + "a relay that both sides reach, or a forwarded port at either, would let this node in")]
    public static partial void StillOutside(this ILogger log, TimeSpan patience, string peers);

    [LoggerMessage(2312, LogLevel.Warning, "no path to member {Peer}: {Reason}; trying on")]
    public static partial void PathLost(this ILogger log, string peer, string reason);

    [LoggerMessage(2313, LogLevel.Information, "member {Peer} has a path again")]
    public static partial void PathRestored(this ILogger log, string peer);
}
