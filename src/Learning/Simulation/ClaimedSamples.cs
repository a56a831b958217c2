using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>How many samples the nodes of a simulation say they train on: the honest what they have, the attackers as many as a contribution can say.</summary>
internal sealed class ClaimedSamples
{
    private readonly Dictionary<Participant, long> _counts;

    /// <summary>Takes the honest nodes' counts.</summary>
    public ClaimedSamples(IEnumerable<SimulatedNode> nodes) =>
        _counts = nodes.Where(n => n.Honest).ToDictionary(n => n.Participant, n => (long)n.Images);

    /// <summary>The rule with the counts of those who contribute, where it looks at counts.</summary>
    /// <param name="rule">Any.</param>
    /// <param name="contributors">In the order of the candidates.</param>
    public IAggregator Bind(IAggregator rule, IEnumerable<Participant> contributors) => rule is ISampleWeighted weighted
        ? weighted.WithSamples([.. contributors.Select(p => _counts.GetValueOrDefault(p, uint.MaxValue))])
        : rule;
}
