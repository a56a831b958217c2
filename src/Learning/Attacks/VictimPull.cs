namespace P2PLearn.Learning.Attacks;

/// <summary>Finds the vector that pulls one victim farthest along a direction while its rule still takes it.</summary>
internal static class VictimPull
{
    /// <summary>Writes o + z·s·v, with o the victim's own model or the mean of what it sees, whichever pulls farther, and z found by line search.</summary>
    /// <param name="local">What the victim sees; checked.</param>
    /// <param name="direction">v, shape [d], of norm 1.</param>
    /// <param name="result">Shape [d].</param>
    public static void Forge(AttackKnowledge local, float[] direction, Span<float> result)
    {
        float[] own = local.Honest[local.Victim!.Value].ToArray();
        float[] mean = new float[own.Length];
        HonestStatistics.Mean(local.Honest, mean);
        double spread = Spread(local, mean);
        float[] scaled = [.. direction.Select(x => (float)(x * spread))];
        var (fromOwn, fromMean) = (RuleProbe.For(local, own, scaled), RuleProbe.For(local, mean, scaled));
        double zOwn = fromOwn.LongestPull();
        double zMean = fromMean.LongestPull();
        if (fromOwn.Pull(zOwn) > fromMean.Pull(zMean))
        {
            RuleProbe.Point(own, scaled, zOwn, result);
        }
        else
        {
            RuleProbe.Point(mean, scaled, zMean, result);
        }
    }

    // s, the root mean square distance of what the victim sees to its mean; 1 when there is none, so that z has a unit.
    private static double Spread(AttackKnowledge local, float[] mean)
    {
        double[] gram = CentredGram.Compute(local.Honest, mean, []);
        double sum = 0;
        for (int i = 0; i < local.Honest.Count; i++)
        {
            sum += gram[(i * local.Honest.Count) + i];
        }

        return sum > 0 && double.IsFinite(sum) ? Math.Sqrt(sum / local.Honest.Count) : 1;
    }
}
