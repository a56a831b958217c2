using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>Tells what the rule in use would do if the Byzantine vector were o + z·u.</summary>
internal abstract class RuleProbe
{
    private const int Evaluations = 16;

    /// <summary>The fastest probe that the rule allows.</summary>
    /// <param name="knowledge">The honest models, the rule, the number of attackers, and whose result counts.</param>
    /// <param name="origin">o, shape [d]: a vector among the honest models, for precision.</param>
    /// <param name="direction">u, shape [d].</param>
    public static RuleProbe For(AttackKnowledge knowledge, float[] origin, float[] direction) =>
        knowledge.Rule is IDistanceRule rule
            ? new GramProbe(knowledge, rule, origin, direction)
            : new DirectProbe(knowledge, origin, direction);

    /// <summary>The z ≥ 0 at which the probes of several nodes together are pulled farthest along u, by line search; 0 without any.</summary>
    public static double LongestPull(RuleProbe[] probes) => LineSearch.Maximize(z => probes.Sum(probe => probe.Pull(z)), Evaluations);

    /// <summary>Writes o + z·u.</summary>
    public static void Point(ReadOnlySpan<float> origin, ReadOnlySpan<float> direction, double z, Span<float> result)
    {
        for (int k = 0; k < result.Length; k++)
        {
            result[k] = (float)(origin[k] + (z * direction[k]));
        }
    }

    /// <summary>‖r − μ‖², with r what the rule gives (mean over those whose result counts) and μ the honest mean; 0 when the rule declines.</summary>
    public abstract double Damage(double z);

    /// <summary>⟨r − μ, u⟩; 0 when the rule declines.</summary>
    public abstract double Pull(double z);

    /// <summary>The z ≥ 0 of the most damage, by line search.</summary>
    public double MostDamaging() => LineSearch.Maximize(Damage, Evaluations);

    /// <summary>The z ≥ 0 of the longest pull along u, by line search.</summary>
    public double LongestPull() => LineSearch.Maximize(Pull, Evaluations);
}
