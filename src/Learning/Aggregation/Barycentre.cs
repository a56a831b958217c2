namespace P2PLearn.Learning.Aggregation;

/// <summary>Points that are weighted means of the candidates, known by their weights and handled without touching a vector.</summary>
internal static class Barycentre
{
    /// <summary>Squared distances of each candidate to z = Σ α_j·x_j: Σ_j α_j·D_ij − ½·Σ_jk α_j·α_k·D_jk.</summary>
    /// <param name="squared">D, shape [m, m].</param>
    /// <param name="alpha">Shape [m], sums to 1; 0 where a candidate is not finite.</param>
    /// <param name="result">Shape [m], at least 0; ∞ where a candidate is infinitely far.</param>
    public static void SquaredDistances(ReadOnlySpan<double> squared, ReadOnlySpan<double> alpha, Span<double> result)
    {
        int m = alpha.Length;
        double spread = 0;
        for (int i = 0; i < m; i++)
        {
            result[i] = Dot(squared.Slice(i * m, m), alpha);
            spread += alpha[i] == 0 ? 0 : alpha[i] * result[i];
        }

        for (int i = 0; i < m; i++)
        {
            double value = result[i] - (spread / 2);
            result[i] = double.IsNaN(value) ? double.PositiveInfinity : Math.Max(0, value);
        }
    }

    // Weights of 0 are skipped: 0 · ∞ is NaN.
    private static double Dot(ReadOnlySpan<double> row, ReadOnlySpan<double> alpha)
    {
        double sum = 0;
        for (int j = 0; j < alpha.Length; j++)
        {
            sum += alpha[j] == 0 ? 0 : alpha[j] * row[j];
        }

        return sum;
    }
}
