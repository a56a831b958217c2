namespace P2PLearn.Node.Management;

/// <summary>The cluster as Akka Management's <c>GET /cluster/members</c> shows it.</summary>
/// <param name="SelfNode">This node's Akka address.</param>
/// <param name="Members">All members, by address.</param>
/// <param name="Unreachable">Members that some member cannot reach.</param>
/// <param name="Leader">The leader's address, if there is one.</param>
/// <param name="Oldest">The oldest Up member's address, if there is one.</param>
/// <param name="OldestPerRole">The oldest Up member of each role.</param>
public sealed record ClusterView(
    string SelfNode,
    IReadOnlyList<MemberView> Members,
    IReadOnlyList<UnreachableView> Unreachable,
    string? Leader,
    string? Oldest,
    IReadOnlyDictionary<string, string> OldestPerRole);

/// <summary>One member.</summary>
/// <param name="Node">Akka address.</param>
/// <param name="NodeUid">The incarnation, a decimal number as text.</param>
/// <param name="Status">Akka's word: Joining, WeaklyUp, Up, Leaving, Exiting, Down or Removed.</param>
/// <param name="Roles">E.g. trainer.</param>
/// <param name="AppVersion">The program's version.</param>
/// <param name="PeerId">The libp2p peer id in base58, as people type it.</param>
public sealed record MemberView(
    string Node, string NodeUid, string Status, IReadOnlyList<string> Roles, string AppVersion, string PeerId);

/// <summary>One unreachable member and who says so.</summary>
/// <param name="Node">Akka address.</param>
/// <param name="ObservedBy">Addresses of the observers.</param>
public sealed record UnreachableView(string Node, IReadOnlyList<string> ObservedBy);

/// <summary>The answer to a membership action.</summary>
/// <param name="Message">E.g. <c>Leaving akka.p2p://…</c>.</param>
public sealed record ActionAnswer(string Message);

/// <summary>One membership event.</summary>
/// <param name="Type">Akka's name: MemberUp, UnreachableMember, LeaderChanged, ….</param>
/// <param name="Node">Whom it concerns.</param>
/// <param name="At">When this node saw it (UTC).</param>
public sealed record ClusterEventView(string Type, string Node, DateTimeOffset At);
