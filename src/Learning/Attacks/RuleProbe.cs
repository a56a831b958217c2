using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>Tells what the rule in use would do if the Byzantine vector were μ + z·u.</summary>
internal abstract class RuleProbe
{
    /// <summary>The fastest probe that the rule allows.</summary>
    /// <param name="knowledge">The honest models, the rule, the number of attackers.</param>
    /// <param name="mean">μ, shape [d].</param>
    /// <param name="direction">u, shape [d].</param>
    public static RuleProbe For(AttackKnowledge knowledge, float[] mean, float[] direction) =>
        knowledge.Rule is IDistanceRule rule
            ? new GramProbe(knowledge, rule, mean, direction)
            : new DirectProbe(knowledge, mean, direction);

    /// <summary>Writes μ + z·u.</summary>
    public static void Point(ReadOnlySpan<float> mean, ReadOnlySpan<float> direction, double z, Span<float> result)
    {
        for (int k = 0; k < result.Length; k++)
        {
            result[k] = (float)(mean[k] + (z * direction[k]));
        }
    }

    /// <summary>‖mean over the honest nodes of what the rule gives them − μ‖²; 0 when the rule declines.</summary>
    public abstract double Damage(double z);
}
