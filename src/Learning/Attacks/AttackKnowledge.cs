using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>What the omniscient attacker of the papers knows in a round.</summary>
/// <param name="Honest">The half-step models of the honest nodes, h ≥ 1 vectors of shape [d], by participant; borrowed for the call.</param>
/// <param name="Rule">The rule in use, with its f.</param>
/// <param name="ByzantineCount">How many participants send the forged vector; at least 1.</param>
public sealed record AttackKnowledge(
    IReadOnlyList<ReadOnlyMemory<float>> Honest, IAggregator Rule, int ByzantineCount)
{
    /// <summary>d.</summary>
    public int Dimension => Honest[0].Length;

    /// <summary>Checks that there is something to know.</summary>
    /// <exception cref="ArgumentException">No honest model, lengths that differ, or no attacker.</exception>
    internal void Check(int resultLength)
    {
        ArgumentOutOfRangeException.ThrowIfZero(Honest.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(ByzantineCount, 1);
        CandidateMean.CheckShapes(Honest, resultLength);
    }
}
