using System.Diagnostics;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Mixes for all nodes, many at once: a mixing is only noted when a node asks for it, and done with the others before anybody looks at a model.</summary>
/// <remarks>
/// Where nodes hold the same candidates, distances between all pairs are computed once a round, not once a node. Gives each node the same bits
/// as the rule would alone, whatever the number of threads.
/// </remarks>
/// <param name="rule">The rule of every node; stateless.</param>
/// <param name="plan">Says after which mixings the outer step comes.</param>
/// <param name="store">Has the models.</param>
/// <param name="samples">How many samples each node claims, by its name.</param>
/// <param name="shared">Whether nodes hold the same candidates; if not, each mixes for itself.</param>
/// <param name="threads">At least 1.</param>
internal sealed class Mixer(IAggregator rule, RoundPlan plan, ContributionStore store, ClaimedSamples samples, bool shared, int threads)
{
    private readonly List<Pending> _pending = [];
    private ContributionRef[] _contributors = [];
    private ReadOnlyMemory<float>[] _candidates = [];
    private double[] _squared = [];

    /// <summary>Notes a mixing.</summary>
    /// <param name="node">Its model is overwritten by the next <see cref="Execute"/>.</param>
    /// <param name="mix">The contributions, its own among them; kept in the store until then.</param>
    /// <returns>What the rule will have done, once executed; null when it declines, and the node keeps its model.</returns>
    public MixOutcome? Plan(SimulatedNode node, Mix mix)
    {
        if (mix.Contributors.Count < rule.MinCandidates)
        {
            return null;
        }

        var outcomes = new ContributorOutcome[mix.Contributors.Count];
        _pending.Add(new Pending(node, mix.Round, mix.Contributors, IndexOf(mix.Contributors, node.Participant), outcomes));
        return new MixOutcome(outcomes);
    }

    /// <summary>Does what was noted.</summary>
    public void Execute(CancellationToken cancellationToken)
    {
        for (int done = 0; done < _pending.Count;)
        {
            int end = done + 1;
            if (shared && rule is IDistanceRule distances and not ISampleWeighted)
            {
                Prepare(_pending[done].Contributors);
                while (end < _pending.Count && _pending[end].Contributors.SequenceEqual(_contributors))
                {
                    end++;
                }

                Run(done, end, pending => WithKnownDistances(distances, pending), cancellationToken);
            }
            else
            {
                end = _pending.Count;
                Run(done, end, Alone, cancellationToken);
            }

            done = end;
        }

        _pending.Clear();
    }

    private void Run(int from, int to, Action<Pending> mix, CancellationToken cancellationToken) =>
        Cores.For(
            to - from,
            threads,
            i =>
            {
                Pending pending = _pending[from + i];
                (SimulatedNode node, int round) = (pending.Node, pending.Round);
                mix(pending);
                if (node.Limit?.Apply(round, store.Get(pending.Contributors[pending.Pivot]).Span, node.Parameters) < 1)
                {
                    node.Tally.NoteLimited();
                }

                if (plan.IsLastMixing(round))
                {
                    node.Outer?.Step(node.Previous, node.Parameters);
                }
            },
            cancellationToken);

    private void Alone(Pending pending)
    {
        var trace = new AggregationTrace();
        ReadOnlyMemory<float>[] candidates = store.Get(pending.Contributors);
        IAggregator bound = samples.Bind(rule, pending.Contributors.Select(c => c.Participant));
        if (!bound.TryAggregate(candidates[pending.Pivot].Span, candidates, pending.Node.Parameters, trace))
        {
            throw new UnreachableException($"{rule.Name} declined {candidates.Length} candidates, but needs only {rule.MinCandidates}");
        }

        MixOutcome.FromTrace(pending.Contributors, trace).Contributors.ToArray().CopyTo(pending.Outcomes, 0);
    }

    private void WithKnownDistances(IDistanceRule distances, Pending pending)
    {
        int m = _candidates.Length;
        double[] weights = new double[m];
        if (!distances.TryWeigh(_squared, pending.Pivot, weights))
        {
            throw new UnreachableException($"{rule.Name} declined {m} candidates, but needs only {rule.MinCandidates}");
        }

        CandidateMean.Write(_candidates, weights, pending.Node.Parameters);
        for (int i = 0; i < m; i++)
        {
            pending.Outcomes[i] = new ContributorOutcome(
                _contributors[i].Participant, (float)Math.Sqrt(_squared[(pending.Pivot * m) + i]), (float)weights[i]);
        }
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
        SquaredDistance.Pairwise(_candidates, _squared, threads);
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

    private sealed record Pending(SimulatedNode Node, int Round, IReadOnlyList<ContributionRef> Contributors, int Pivot, ContributorOutcome[] Outcomes);
}
