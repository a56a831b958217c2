namespace P2PLearn.Learning.Attacks;

/// <summary>"A little is enough": μ + z·s, hidden within the spread of the honest models.</summary>
/// <remarks>
/// Source: Baruch, Baruch, Goldberg, NeurIPS 2019 (arXiv:1902.06156); with the line search of Farhadkhani et al., ICML 2023
/// (arXiv:2209.10931), section 5, run against the rule in use.
/// </remarks>
public sealed class Alie : LineSearchAttack
{
    /// <inheritdoc/>
    public override string Name => "alie";

    private protected override void SetDirection(AttackKnowledge knowledge, Span<float> mean, Span<float> direction) =>
        HonestStatistics.Compute(knowledge.Honest, mean, direction);
}
