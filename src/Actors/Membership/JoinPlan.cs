using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>What a node that is no member does next.</summary>
internal enum JoinMove
{
    /// <summary>Look again later.</summary>
    Wait,

    /// <summary>Say to the members that this node is about to join, and look once more.</summary>
    Announce,

    /// <summary>Ask the members to be let in.</summary>
    Ask,

    /// <summary>Found a cluster.</summary>
    Found,
}

/// <summary>
/// Decides between asking, founding and waiting, so that two islands never form by accident, and no cluster of nodes that cannot all talk. Pure;
/// time comes in.
/// </summary>
/// <remarks>
/// A node that has seeds and was not told to found never founds. A founder that knows nobody founds at once. A founder that knows peers, from its
/// seeds or from an earlier life, first looks for them: they may be in a cluster already. Who reaches a member joins, once it reaches
/// all live members; until then it waits, however long it takes. Doubts it waits for a limited time only, so that no single member keeps anybody out.
/// Who has asked stands by its word: it may be let in at any moment.
/// </remarks>
/// <param name="options">The margins.</param>
/// <param name="wasMember">True after a membership that was lost: there is a cluster somewhere.</param>
internal sealed class JoinPlan(ClusterHostOptions options, bool wasMember)
{
    private readonly HashSet<PeerId> _blockers = []; // told already
    private HashSet<PeerId> _asked = [];
    private TimeSpan _askedAt = TimeSpan.MinValue;
    private TimeSpan? _blockedSince;
    private TimeSpan? _doubtfulSince;
    private bool _toldOfPatience;

    /// <summary>This node has said that it is about to join, and stands by it.</summary>
    public bool IsAnnounced { get; private set; }

    /// <summary>The next move.</summary>
    /// <param name="elapsed">Time since the node began to look.</param>
    /// <param name="view">What it saw just now.</param>
    public JoinMove Next(TimeSpan elapsed, JoinView view)
    {
        JoinMove move = Decide(elapsed, view);
        bool isAsking = _asked.Count > 0;
        IsAnnounced = move == JoinMove.Announce || isAsking || (IsAnnounced && view is { Blockers.Count: 0, Members.Count: > 0 });
        return move;
    }

    /// <summary>The blockers that were not among those of an earlier look: to be named once.</summary>
    public IReadOnlyList<JoinBlocker> News(JoinView view) => [.. view.Blockers.Where(blocker => _blockers.Add(blocker.Peer))];

    /// <summary>True once, when this node has been kept out for longer than the patience.</summary>
    public bool IsOutOfPatience(TimeSpan elapsed, JoinView view)
    {
        _blockedSince = view.Blockers.Count > 0 ? _blockedSince ?? elapsed : null;
        bool tell = !_toldOfPatience && elapsed - _blockedSince >= options.BlockedPatience;
        _toldOfPatience |= tell;
        return tell;
    }

    private JoinMove Decide(TimeSpan elapsed, JoinView view)
    {
        _doubtfulSince = view.Doubts.Count > 0 ? _doubtfulSince ?? elapsed : null;
        if (view.Members.Count == 0)
        {
            bool found = MayFound && (!view.KnowsPeers || elapsed >= Margin(view.Reachable.Count > 0));
            return found ? JoinMove.Found : JoinMove.Wait;
        }

        if (view.Blockers.Count > 0 || elapsed - _doubtfulSince < options.DoubtPatience)
        {
            return JoinMove.Wait;
        }

        bool news = view.Members.Any(peer => !_asked.Contains(peer));
        if (!news && elapsed - _askedAt < options.JoinPatience)
        {
            return JoinMove.Wait;
        }

        if (!IsAnnounced)
        {
            return JoinMove.Announce;
        }

        _asked = [.. view.Members];
        _askedAt = elapsed;
        return JoinMove.Ask;
    }

    private bool MayFound => options.Found || options.Seeds.Count == 0;

    private TimeSpan Margin(bool peers) =>
        wasMember ? options.RefoundingMargin : peers ? options.FoundingMarginWithPeers : options.FoundingMargin;
}
