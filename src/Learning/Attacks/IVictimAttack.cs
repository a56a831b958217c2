namespace P2PLearn.Learning.Attacks;

/// <summary>An attack that sends each victim a vector of its own.</summary>
/// <remarks>
/// In a mesh where contributions are signed this is equivocation, which two victims that compare what they got can prove; such an attack is
/// what a run is open to where they do not compare, and the hardest case for a rule. Deterministic, as <see cref="IModelAttack"/> is.
/// </remarks>
public interface IVictimAttack : IAttack
{
    /// <summary>Makes the vector for one victim; called at most once for each victim and round, rounds in order.</summary>
    /// <param name="knowledge">What the attacker knows.</param>
    /// <param name="result">Shape [d]; overwritten; must not overlap an input.</param>
    void Forge(VictimKnowledge knowledge, Span<float> result);
}
