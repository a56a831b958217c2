using Akka.Actor;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>Where a member is in its life; Akka's words.</summary>
public enum MemberState
{
    /// <summary>Asked to be let in; not yet agreed by all.</summary>
    Joining,

    /// <summary>Let in although some member is unreachable.</summary>
    WeaklyUp,

    /// <summary>A member.</summary>
    Up,

    /// <summary>Asked to leave.</summary>
    Leaving,

    /// <summary>Going; all know.</summary>
    Exiting,

    /// <summary>Declared lost; about to be removed.</summary>
    Down,

    /// <summary>No member any more.</summary>
    Removed,
}

/// <summary>What this node is doing about its membership.</summary>
public enum HostPhase
{
    /// <summary>Not started.</summary>
    Idle,

    /// <summary>Looking for a member that lets it in, or about to found.</summary>
    Joining,

    /// <summary>In the cluster.</summary>
    Member,

    /// <summary>Its actor system was lost (downed, quarantined, ended); a fresh one comes after a pause.</summary>
    Rebuilding,

    /// <summary>On its way out.</summary>
    Leaving,

    /// <summary>Out; nothing more happens.</summary>
    Left,
}

/// <summary>One member as this node sees it.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Address">Its actor system's address.</param>
/// <param name="Uid">Number of its incarnation; another after each restart or rebuild.</param>
/// <param name="Roles">Its roles, sorted.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="IsReachable">False when at least one member that watches it hears nothing.</param>
/// <param name="ObservedBy">The members that call it unreachable, sorted.</param>
/// <param name="AppVersion">The version it runs.</param>
public sealed record ClusterMember(
    PeerId Peer,
    Address Address,
    long Uid,
    IReadOnlyList<string> Roles,
    MemberState State,
    bool IsReachable,
    IReadOnlyList<PeerId> ObservedBy,
    string AppVersion)
{
    /// <summary>True when it is a full member that all who watch it hear.</summary>
    public bool IsAvailable => State == MemberState.Up && IsReachable;
}

/// <summary>The cluster as this node sees it at one moment. Immutable.</summary>
/// <remarks>A view, not a truth: members may see different ones for a while, and learning decides nothing by it but whom to wait for.</remarks>
public sealed record ClusterSnapshot
{
    /// <summary>This node.</summary>
    public required PeerId Self { get; init; }

    /// <summary>What this node is doing about its membership.</summary>
    public HostPhase Phase { get; init; }

    /// <summary>The members, sorted by address; empty while not one.</summary>
    public IReadOnlyList<ClusterMember> Members { get; init; } = [];

    /// <summary>The member that at present carries out joins and removals.</summary>
    public PeerId? Leader { get; init; }

    /// <summary>The member that has been up longest.</summary>
    public PeerId? Oldest { get; init; }

    /// <summary>By role, the member that has been up longest.</summary>
    public IReadOnlyDictionary<string, PeerId> OldestByRole { get; init; } = new Dictionary<string, PeerId>();

    /// <summary>This node as a member, if it is one.</summary>
    public ClusterMember? SelfMember => Find(Self);

    /// <summary>Members that are unreachable.</summary>
    public IEnumerable<ClusterMember> Unreachable => Members.Where(member => !member.IsReachable);

    /// <summary>The peers with role trainer that are up and reachable, this node among them, sorted by address.</summary>
    public IEnumerable<PeerId> Trainers =>
        Members.Where(member => member.IsAvailable && member.Roles.Contains(ClusterRoles.Trainer)).Select(member => member.Peer);

    /// <summary>The member that a peer is, if it is one.</summary>
    public ClusterMember? Find(PeerId peer) => Members.FirstOrDefault(member => member.Peer == peer);
}
