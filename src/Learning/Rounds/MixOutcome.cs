using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Rounds;

/// <summary>What the rule did with one contribution.</summary>
/// <param name="Participant">Whose.</param>
/// <param name="Distance">Euclidean distance to one's own half-step model; ∞ when not finite.</param>
/// <param name="Weight">Share in the result, in [0, 1]; 0 = rejected.</param>
public readonly record struct ContributorOutcome(Participant Participant, float Distance, float Weight)
{
    /// <summary>Whether it has a share in the result.</summary>
    public bool Kept => Weight > 0;
}

/// <summary>What a mixing did with each contribution, by participant.</summary>
public sealed record MixOutcome(IReadOnlyList<ContributorOutcome> Contributors)
{
    /// <summary>Puts names to a rule's trace.</summary>
    /// <param name="contributors">As in the <see cref="Mix"/> effect; m of them.</param>
    /// <param name="trace">Filled by the rule for candidates in the same order, shape [m].</param>
    public static MixOutcome FromTrace(IReadOnlyList<ContributionRef> contributors, AggregationTrace trace)
    {
        ArgumentNullException.ThrowIfNull(contributors);
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentOutOfRangeException.ThrowIfNotEqual(trace.Weights.Length, contributors.Count);
        var outcomes = new ContributorOutcome[contributors.Count];
        for (int i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = new ContributorOutcome(contributors[i].Participant, trace.Distances[i], trace.Weights[i]);
        }

        return new MixOutcome(outcomes);
    }
}
