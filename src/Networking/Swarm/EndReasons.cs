using System.Net.Sockets;
using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Swarm;

/// <summary>Turns what was thrown into the reason that is counted and reported.</summary>
internal static class EndReasons
{
    /// <summary>The reason of a failure; null for one that is a bug and must not be swallowed.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="timedOut">The deadline of the step has passed, so that a cancellation or a break is its
    /// doing.</param>
    public static EndReason? Of(Exception exception, bool timedOut = false) => exception switch
    {
        ProtocolViolationException violation => violation.Reason,
        UpgradeException upgrade => timedOut ? EndReason.Timeout : upgrade.Reason,
        StreamEndedException ended => timedOut ? EndReason.Timeout : ended.Reason,
        PeerUnreachableException unreachable => unreachable.Reason,
        ProtocolNotSupportedException => EndReason.ProtocolNotSupported,
        OperationCanceledException => timedOut ? EndReason.Timeout : EndReason.ClosedLocally,
        IOException or SocketException or ObjectDisposedException => timedOut ? EndReason.Timeout : EndReason.LinkLost,
        _ => null,
    };
}
