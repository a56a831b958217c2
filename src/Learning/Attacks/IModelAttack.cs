namespace P2PLearn.Learning.Attacks;

/// <summary>An attack that makes one vector of the honest nodes' models and sends it to everybody.</summary>
/// <remarks>
/// All that it may know comes as an argument, so a simulation and a real attacker process, which has just received the honest
/// contributions of a round, call the same code. All Byzantine participants send the same vector. Deterministic: the same calls on
/// instances made with the same seed give the same bits.
/// </remarks>
public interface IModelAttack : IAttack
{
    /// <summary>Makes the Byzantine vector of a round; called once a round, in the order of the rounds.</summary>
    /// <param name="knowledge">What the attacker knows.</param>
    /// <param name="result">Shape [d]; overwritten; must not overlap an input.</param>
    void Forge(AttackKnowledge knowledge, Span<float> result);
}
