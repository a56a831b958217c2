using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>A live member, or one that is about to be, that this node cannot reach: it does not join before it can.</summary>
/// <param name="Peer">Who.</param>
/// <param name="Reason">Why, in the network's words.</param>
public sealed record JoinBlocker(PeerId Peer, string Reason);

/// <summary>What a node that would join sees of the others.</summary>
/// <param name="KnowsPeers">There is anybody to look for: seeds, or members of an earlier life.</param>
/// <param name="Reachable">Those that answered.</param>
/// <param name="Members">Those of them that are in a cluster.</param>
/// <param name="Blockers">Live members, or peers that are joining before this node, that it cannot reach.</param>
internal sealed record JoinView(
    bool KnowsPeers, IReadOnlyCollection<PeerId> Reachable, IReadOnlyCollection<PeerId> Members, IReadOnlyList<JoinBlocker> Blockers)
{
    /// <summary>
    /// Those of whom this node cannot be sure yet: peers named by few members only that it cannot reach (they may have joined a moment ago,
    /// and the news is on its way), and members that it reaches but that have not answered (they may know of somebody).
    /// </summary>
    public IReadOnlyCollection<PeerId> Doubts { get; init; } = [];

    /// <summary>Everybody that any member calls live or joining before the newcomer.</summary>
    public static IEnumerable<PeerId> Named(IEnumerable<MembersAnswer> answers) =>
        answers.Where(answer => answer.IsMember).SelectMany(answer => answer.Live.Union(answer.Joining)).Distinct();

    /// <summary>
    /// The peers that a newcomer has to reach: those that at least half of the members that answered call live or joining before it. One member alone
    /// cannot keep newcomers out by naming peers that do not exist, unless it is one of two; and of two that announce themselves at the same
    /// time at least one hears of the other.
    /// </summary>
    public static IEnumerable<PeerId> MustReach(IReadOnlyCollection<MembersAnswer> answers)
    {
        int members = answers.Count(answer => answer.IsMember);
        return answers.Where(answer => answer.IsMember)
            .SelectMany(answer => answer.Live.Union(answer.Joining))
            .CountBy(peer => peer)
            .Where(named => 2 * named.Value >= members)
            .Select(named => named.Key);
    }
}
