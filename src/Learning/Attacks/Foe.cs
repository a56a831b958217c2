using System.Numerics.Tensors;

namespace P2PLearn.Learning.Attacks;

/// <summary>"Fall of empires": (1 − z)·μ, a small pull back that adds up over the rounds.</summary>
/// <remarks>
/// Source: Xie, Koyejo, Gupta, UAI 2019 (arXiv:1903.03936); with the line search of Farhadkhani et al., ICML 2023 (arXiv:2209.10931),
/// section 5, run against the rule in use.
/// </remarks>
public sealed class Foe : LineSearchAttack
{
    /// <inheritdoc/>
    public override string Name => "foe";

    private protected override void SetDirection(AttackKnowledge knowledge, Span<float> mean, Span<float> direction)
    {
        HonestStatistics.Mean(knowledge.Honest, mean);
        TensorPrimitives.Negate(mean, direction);
    }
}
