using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>What changed; Akka Management's words, and one of ours.</summary>
public enum ClusterChangeKind
{
    /// <summary>A node was let in, not yet up.</summary>
    MemberJoined,

    /// <summary>A node takes part although some member is unreachable.</summary>
    MemberWeaklyUp,

    /// <summary>A node is a full member.</summary>
    MemberUp,

    /// <summary>A member asked to leave.</summary>
    MemberLeft,

    /// <summary>A member is going.</summary>
    MemberExited,

    /// <summary>A member was declared lost.</summary>
    MemberDowned,

    /// <summary>A member is no more.</summary>
    MemberRemoved,

    /// <summary>A member is heard of by nobody, or not by all that watch it.</summary>
    UnreachableMember,

    /// <summary>A member is heard again.</summary>
    ReachableMember,

    /// <summary>Another member carries out joins and removals.</summary>
    LeaderChanged,

    /// <summary>This node's own <see cref="HostPhase"/> changed.</summary>
    PhaseChanged,

    /// <summary>A live member cannot be reached from here, so this node does not join yet; see <see cref="ClusterHost.Blockers"/>.</summary>
    JoinBlocked,
}

/// <summary>One change of membership.</summary>
/// <param name="Kind">What.</param>
/// <param name="Peer">Whose; null for a leader that is gone.</param>
/// <param name="At">When this node saw it.</param>
/// <param name="After">The cluster at least as new as the change.</param>
public sealed record ClusterChange(ClusterChangeKind Kind, PeerId? Peer, DateTimeOffset At, ClusterSnapshot After);
