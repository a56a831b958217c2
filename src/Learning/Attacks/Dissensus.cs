using System.Numerics.Tensors;

namespace P2PLearn.Learning.Attacks;

/// <summary>Dissensus: x_i + z_i·(x_i − μ_i) to victim i, away from the mean of what it sees, so that the honest do not come together.</summary>
/// <remarks>
/// Source: He, Karimireddy, Jaggi, 2022 (arXiv:2202.01545), section 6: x_i − ε·Σ_j w_ij (x_j − x_i) over the honest neighbours j, here with equal weights.
/// Deviation: the amplitude is the one that pulls the victim farthest under the rule in use, not a fixed ε.
/// </remarks>
public sealed class Dissensus : IVictimAttack
{
    /// <inheritdoc/>
    public string Name => "dissensus";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(VictimKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        AttackKnowledge local = knowledge.AtVictim();
        local.Check(result.Length);
        float[] own = local.Honest[local.Victim!.Value].ToArray();
        float[] direction = new float[own.Length];
        HonestStatistics.Mean(local.Honest, direction);
        TensorPrimitives.Subtract(own, direction, direction);
        RuleProbe.Point(own, direction, RuleProbe.For(local, own, direction).LongestPull(), result);
    }
}
