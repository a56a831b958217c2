using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Mixes for many nodes that hold the same candidates: distances between all pairs are computed once a round, not once a node.</summary>
/// <remarks>Gives each node the same bits as the rule would alone.</remarks>
internal sealed class Mixer(IAggregator rule, ContributionStore store)
{
    private readonly AggregationTrace _trace = new();
    private ContributionRef[] _contributors = [];
    private ReadOnlyMemory<float>[] _candidates = [];
    private double[] _squared = [];

    /// <summary>Mixes for one node.</summary>
    /// <param name="node">Its model is overwritten, unless the rule declines.</param>
    /// <param name="mix">The contributions, its own among them.</param>
    /// <returns>What the rule did; null when it declined.</returns>
    public MixOutcome? Apply(SimulatedNode node, Mix mix)
    {
        int pivot = IndexOf(mix.Contributors, node.Participant);
        if (rule is not IDistanceRule distanceRule)
        {
            ReadOnlyMemory<float>[] candidates = store.Get(mix.Contributors);
            return rule.TryAggregate(candidates[pivot].Span, candidates, node.Parameters, _trace)
                ? MixOutcome.FromTrace(mix.Contributors, _trace)
                : null;
        }

        Prepare(mix.Contributors);
        double[] weights = new double[_candidates.Length];
        if (!distanceRule.TryWeigh(_squared, pivot, weights))
        {
            return null;
        }

        CandidateMean.Write(_candidates, weights, node.Parameters);
        return new MixOutcome([.. weights.Select((weight, i) => new ContributorOutcome(
            _contributors[i].Participant, (float)Math.Sqrt(_squared[(pivot * weights.Length) + i]), (float)weight))]);
    }

    private void Prepare(IReadOnlyList<ContributionRef> contributors)
    {
        if (contributors.SequenceEqual(_contributors))
        {
            return;
        }

        _contributors = [.. contributors];
        _candidates = store.Get(contributors);
        _squared = new double[_candidates.Length * _candidates.Length];
        SquaredDistance.Pairwise(_candidates, _squared);
    }

    private static int IndexOf(IReadOnlyList<ContributionRef> contributors, Participant participant)
    {
        int index = 0;
        while (contributors[index].Participant != participant)
        {
            index++;
        }

        return index;
    }
}
