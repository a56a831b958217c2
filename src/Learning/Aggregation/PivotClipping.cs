namespace P2PLearn.Learning.Aggregation;

/// <summary>x_i + Σ_j w_j·clip(x_j − x_i, τ) as weights of the candidates.</summary>
internal static class PivotClipping
{
    /// <summary>Turns shares into weights: what a share loses by clipping, the pivot gets.</summary>
    /// <param name="row">Squared distances to the pivot, shape [m]; a candidate at ∞ is not there.</param>
    /// <param name="pivot">In [0, m).</param>
    /// <param name="radius">τ, at least 0; ∞ clips nothing.</param>
    /// <param name="weights">Shape [m]; on entry the shares w, which sum to 1.</param>
    public static void Weigh(ReadOnlySpan<double> row, int pivot, double radius, Span<double> weights)
    {
        double others = 0;
        for (int j = 0; j < weights.Length; j++)
        {
            if (j != pivot)
            {
                weights[j] *= Factor(Math.Sqrt(row[j]), radius);
                others += weights[j];
            }
        }

        weights[pivot] = 1 - others;
    }

    /// <summary>min(1, τ / distance); 0 for a candidate that is infinitely far, whatever τ.</summary>
    public static double Factor(double distance, double radius) =>
        !double.IsFinite(distance) ? 0 : distance <= radius ? 1 : radius / distance;
}
