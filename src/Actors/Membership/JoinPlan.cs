using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>What a node that is no member does next.</summary>
internal enum JoinMove
{
    /// <summary>Look again later.</summary>
    Wait,

    /// <summary>Ask the reachable peers to be let in.</summary>
    Ask,

    /// <summary>Found a cluster.</summary>
    Found,
}

/// <summary>Decides between asking, founding and waiting, so that two islands never form by accident. Pure; time comes in.</summary>
/// <remarks>
/// A node that has seeds and was not told to found never founds. A founder that knows nobody founds at once. A founder that knows peers, from its
/// seeds or from an earlier life, first looks for them: they may be in a cluster already.
/// </remarks>
/// <param name="options">The margins.</param>
/// <param name="wasMember">True after a membership that was lost: there is a cluster somewhere.</param>
internal sealed class JoinPlan(ClusterHostOptions options, bool wasMember)
{
    private HashSet<PeerId> _asked = [];
    private TimeSpan _askedAt = TimeSpan.MinValue;

    /// <summary>The next move.</summary>
    /// <param name="elapsed">Time since the node began to look.</param>
    /// <param name="knowsPeers">True when there is anybody to look for: seeds, or members of an earlier life.</param>
    /// <param name="reachable">Those of them, and of the connected peers, that can be reached now.</param>
    public JoinMove Next(TimeSpan elapsed, bool knowsPeers, IReadOnlyCollection<PeerId> reachable)
    {
        if (MayFound && (!knowsPeers || elapsed >= Margin(reachable.Count > 0)))
        {
            return JoinMove.Found;
        }

        bool news = reachable.Any(peer => !_asked.Contains(peer));
        if (reachable.Count == 0 || (!news && elapsed - _askedAt < options.JoinPatience))
        {
            return JoinMove.Wait;
        }

        _asked = [.. reachable];
        _askedAt = elapsed;
        return JoinMove.Ask;
    }

    private bool MayFound => options.Found || options.Seeds.Count == 0;

    private TimeSpan Margin(bool peers) =>
        wasMember ? options.RefoundingMargin : peers ? options.FoundingMarginWithPeers : options.FoundingMargin;
}
