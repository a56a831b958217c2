using System.Numerics.Tensors;

namespace P2PLearn.Learning.Attacks;

/// <summary>Sign flipping: −μ, with μ the mean of the honest models.</summary>
/// <remarks>Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), section 5, "SF". Cost O(h·d).</remarks>
public sealed class SignFlip : IModelAttack
{
    /// <inheritdoc/>
    public string Name => "sign-flip";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        knowledge.Check(result.Length);
        HonestStatistics.Mean(knowledge.Honest, result);
        TensorPrimitives.Negate(result, result);
    }
}
