namespace P2PLearn.Learning.Aggregation;

/// <summary>Order statistics of distances.</summary>
internal static class Ranking
{
    /// <summary>A candidate farther than this from the robust centre, in squared radii, counts as absent: no digit of it would be right.</summary>
    public const double AbsurdSquared = 1e12;

    /// <summary>The k-th smallest value, k from 1.</summary>
    /// <param name="values">Never NaN.</param>
    /// <param name="k">In [1, values].</param>
    /// <param name="scratch">As long as the values.</param>
    public static double KthSmallest(ReadOnlySpan<double> values, int k, Span<double> scratch)
    {
        values.CopyTo(scratch);
        scratch[..values.Length].Sort();
        return scratch[k - 1];
    }

    /// <summary>The candidate whose ball around it with <paramref name="keep"/> candidates in it is the smallest; ties go to the lower index.</summary>
    /// <remarks>With keep = m − f and an honest majority, the ball is no larger than the honest ones' own and holds honest candidates.</remarks>
    /// <param name="squared">Shape [m, m].</param>
    /// <param name="m">At least 1.</param>
    /// <param name="keep">In [1, m].</param>
    /// <returns>Its index and the squared radius, ∞ when no ball is finite.</returns>
    public static (int Index, double SquaredRadius) RobustCentre(ReadOnlySpan<double> squared, int m, int keep)
    {
        using Scratch<double> scratch = Scratch<double>.Rent(m);
        (int index, double best) = (0, double.PositiveInfinity);
        for (int i = 0; i < m; i++)
        {
            double radius = KthSmallest(squared.Slice(i * m, m), keep, scratch.Span);
            (index, best) = radius < best ? (i, radius) : (index, best);
        }

        return (index, best);
    }
}
