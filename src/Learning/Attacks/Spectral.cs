namespace P2PLearn.Learning.Attacks;

/// <summary>Spectral heterogeneity: x_i + z_i·e_i·Σ_k e_k·x_k to victim i, which tears the honest graph apart where it is weakest.</summary>
/// <remarks>
/// Source: Gaucher, Dieuleveut, Hendrikx, ICML 2025 (arXiv:2410.10418), "spectral heterogeneity", written from its description. e is the Fiedler
/// vector of the honest graph: nodes on its two sides are pushed in opposite directions. In the complete graph it is the main direction in which
/// the honest models differ. The amplitude is the one that pulls the victim farthest under the rule in use. Cost h²·d/2 a round besides the search.
/// </remarks>
public sealed class Spectral : IVictimAttack
{
    private int _round;
    private double[] _slowest = [];
    private float[] _difference = [];

    /// <inheritdoc/>
    public string Name => "spectral";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(VictimKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        AttackKnowledge local = knowledge.AtVictim();
        local.Check(result.Length);
        if (knowledge.Round != _round)
        {
            BeginRound(knowledge);
        }

        float[] own = local.Honest[local.Victim!.Value].ToArray();
        float[] direction = new float[own.Length];
        float side = (float)_slowest[knowledge.Victim];
        for (int k = 0; k < direction.Length; k++)
        {
            direction[k] = side * _difference[k];
        }

        RuleProbe.Point(own, direction, RuleProbe.For(local, own, direction).LongestPull(), result);
    }

    private void BeginRound(VictimKnowledge knowledge)
    {
        _round = knowledge.Round;
        float[] mean = new float[knowledge.Honest[0].Length];
        HonestStatistics.Mean(knowledge.Honest, mean);
        _slowest = HonestSpectrum.Slowest(knowledge.Neighbourhoods, CentredGram.Compute(knowledge.Honest, mean, []));
        _difference = new float[mean.Length];
        for (int i = 0; i < _slowest.Length; i++)
        {
            ReadOnlySpan<float> model = knowledge.Honest[i].Span;
            float share = (float)_slowest[i];
            for (int k = 0; k < mean.Length; k++)
            {
                _difference[k] += share * (model[k] - mean[k]);
            }
        }
    }
}
