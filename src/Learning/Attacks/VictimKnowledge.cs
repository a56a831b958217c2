using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>What the omniscient attacker knows when it makes the vector of one victim.</summary>
/// <param name="Round">The round, from 1 on.</param>
/// <param name="Honest">The half-step models of all honest nodes, h ≥ 1 vectors of shape [d], by participant; borrowed for the call.</param>
/// <param name="Neighbourhoods">
/// For each honest node the ascending indices into <paramref name="Honest"/> of the models that it mixes in this round, its own among them: the honest part of
/// the graph. Shape [h].
/// </param>
/// <param name="Victim">Index of the node that gets the vector, in [0, h).</param>
/// <param name="Rule">The rule in use, with its f.</param>
/// <param name="ByzantineCount">How many Byzantine participants the victim hears; at least 1. All send it this vector.</param>
public sealed record VictimKnowledge(
    int Round,
    IReadOnlyList<ReadOnlyMemory<float>> Honest,
    IReadOnlyList<IReadOnlyList<int>> Neighbourhoods,
    int Victim,
    IAggregator Rule,
    int ByzantineCount)
{
    /// <summary>The round as the victim sees it: the models of its neighbourhood, with its own as the one that counts.</summary>
    public AttackKnowledge AtVictim()
    {
        IReadOnlyList<int> seen = Neighbourhoods[Victim];
        ReadOnlyMemory<float>[] models = [.. seen.Select(i => Honest[i])];
        int own = 0;
        while (seen[own] != Victim)
        {
            own++;
        }

        return new AttackKnowledge(models, Rule, ByzantineCount) { Victim = own };
    }
}
