using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Contributions;

/// <summary>What a replica wants of one run.</summary>
/// <param name="LastRound">The newest round taken: the current round and the window of rounds ahead that the caller
/// allows.</param>
/// <param name="PrunableBelow">
/// The highest watermark taken from others: the round that this replica itself could do without, 0 for none.
/// Watermarks carry no signature, so without this bound one message could wipe the run.
/// </param>
public sealed record RunScope(uint LastRound, uint PrunableBelow = 0);

/// <summary>What a replica takes from others at this moment.</summary>
/// <remarks>
/// Replicas with different scopes hold different parts; what both want they agree on, once each has been sent the
/// other's part.
/// </remarks>
public sealed record ContributionScope
{
    /// <summary>The runs this replica follows; other runs are dropped.</summary>
    public required IReadOnlyDictionary<RunId, RunScope> Runs { get; init; }

    /// <summary>The peers whose contributions are taken; none for anybody who can sign.</summary>
    public IReadOnlySet<ReplicaId>? Peers { get; init; }

    /// <summary>
    /// How large the merged set may become. New keys beyond are dropped; known keys can still become equivocations.
    /// </summary>
    public ContributionLimits Limits { get; init; } = ContributionLimits.Default;
}
