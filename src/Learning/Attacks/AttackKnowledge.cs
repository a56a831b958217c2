using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>What the omniscient attacker of the papers knows in a round.</summary>
/// <param name="Honest">The half-step models of the honest nodes, h ≥ 1 vectors of shape [d], by participant; borrowed for the call.</param>
/// <param name="Rule">The rule in use, with its f.</param>
/// <param name="ByzantineCount">How many participants send the forged vector; at least 1.</param>
public sealed record AttackKnowledge(
    IReadOnlyList<ReadOnlyMemory<float>> Honest, IAggregator Rule, int ByzantineCount)
{
    /// <summary>Index into the honest of the only node whose result counts; null when the mean over all honest nodes does.</summary>
    public int? Victim { get; init; }

    /// <summary>
    /// What some single honest nodes hear, each with itself as <see cref="Victim"/>, where not everybody hears everybody: an attack is tried on them, not on
    /// a rule that would see all. Null where all hear the same.
    /// </summary>
    public IReadOnlyList<AttackKnowledge>? Samples { get; init; }

    /// <summary>d.</summary>
    public int Dimension => Honest[0].Length;

    /// <summary>Checks that there is something to know.</summary>
    /// <exception cref="ArgumentException">No honest model, lengths that differ, no attacker, or no such victim.</exception>
    internal void Check(int resultLength)
    {
        ArgumentOutOfRangeException.ThrowIfZero(Honest.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(ByzantineCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Victim ?? 0, Honest.Count);
        CandidateMean.CheckShapes(Honest, resultLength);
    }
}
