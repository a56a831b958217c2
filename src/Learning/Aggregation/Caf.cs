namespace P2PLearn.Learning.Aggregation;

/// <summary>CAF, the covariance-bound agnostic filter: candidates lose weight by how far they stick out along the direction of most variance.</summary>
/// <remarks>
/// Source: Allouah, Guerraoui, Stephan, ICML 2025, algorithm 1, after Diakonikolas and Kane's filters: with weights c, mean μ and top eigenvector v of the
/// weighted covariance, c_i ← c_i·(1 − τ_i/max τ), τ_i = ⟨v, x_i − μ⟩², while Σ c &gt; m − 2f; the μ with the least top eigenvalue wins.
/// Bound: f &lt; m/2. Cost: all pairs, O(m²·d); each step removes a candidate and costs at most 100·m² on the Gram matrix that follows from the
/// distances; one pass over the candidates. Deviation: candidates a million radii from the smallest ball with m − f candidates start at weight 0, and
/// max τ is over candidates that still have weight. It does not look at the pivot.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class Caf(int faulty) : DistanceRule(faulty)
{
    private const int PowerIterations = 100;

    /// <inheritdoc/>
    public override string Name => "caf";

    /// <summary>2f + 1: the honest candidates are the majority.</summary>
    public override int MinCandidates => (2 * Faulty) + 1;

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        (int centre, double radius) = Ranking.RobustCentre(squared, m, m - Faulty);
        if (!double.IsFinite(radius))
        {
            return false;
        }

        using Scratch<double> left = Scratch<double>.Rent(m);
        using Scratch<double> scratch = Scratch<double>.Rent((m * m) + (4 * m));
        for (int i = 0; i < m; i++)
        {
            left.Span[i] = squared[(centre * m) + i] <= Ranking.AbsurdSquared * radius ? 1 : 0;
        }

        double best = double.PositiveInfinity;
        double sum;
        do
        {
            sum = Filter(squared, left.Span, scratch.Span, ref best, weights);
        }
        while (sum > m - (2 * Faulty));
        return true;
    }

    // One step; returns the weight that is left, 0 when there is no variance any more.
    private static double Filter(
        ReadOnlySpan<double> squared, Span<double> left, Span<double> scratch, ref double best, Span<double> weights)
    {
        int m = left.Length;
        Span<double> gram = scratch[..(m * m)];
        Span<double> share = scratch.Slice(m * m, m);
        Span<double> vector = scratch.Slice((m * m) + m, m);
        Span<double> rest = scratch[((m * m) + (2 * m))..];
        double sum = Sum(left);
        for (int i = 0; i < m; i++)
        {
            share[i] = left[i] / sum;
        }

        FillGram(squared, share, rest[..m], gram);
        double value = TopEigenvector(gram, share, vector, rest);
        if (value < best)
        {
            best = value;
            share.CopyTo(weights);
        }

        return value > 0 ? Downweigh(gram, share, vector, left) : 0;
    }

    // G_ij = ⟨x_i − μ, x_j − μ⟩ = (a_i + a_j − D_ij) / 2 with a_i = ‖x_i − μ‖².
    private static void FillGram(ReadOnlySpan<double> squared, ReadOnlySpan<double> share, Span<double> fromMean, Span<double> gram)
    {
        int m = share.Length;
        Barycentre.SquaredDistances(squared, share, fromMean);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < m; j++)
            {
                gram[(i * m) + j] = share[i] == 0 || share[j] == 0
                    ? 0
                    : (fromMean[i] + fromMean[j] - squared[(i * m) + j]) / 2;
            }
        }
    }

    // The covariance Σ p_i·(x_i − μ)(x_i − μ)ᵀ has the eigenvalues of √p_i·G_ij·√p_j. Power iteration from its longest column.
    private static double TopEigenvector(ReadOnlySpan<double> gram, ReadOnlySpan<double> share, Span<double> vector, Span<double> scratch)
    {
        int m = share.Length;
        Span<double> next = scratch[..m];
        Span<double> root = scratch.Slice(m, m);
        int longest = 0;
        for (int i = 0; i < m; i++)
        {
            root[i] = Math.Sqrt(share[i]);
            longest = share[i] * gram[(i * m) + i] > share[longest] * gram[(longest * m) + longest] ? i : longest;
        }

        vector.Clear();
        vector[longest] = 1;
        double value = 0;
        for (int k = 0; k < PowerIterations; k++)
        {
            double length = 0;
            for (int i = 0; i < m; i++)
            {
                double sum = 0;
                for (int j = 0; j < m; j++)
                {
                    sum += gram[(i * m) + j] * root[j] * vector[j];
                }

                next[i] = root[i] * sum;
                length += next[i] * next[i];
            }

            value = Math.Sqrt(length);
            if (!(value > 0))
            {
                return 0;
            }

            for (int i = 0; i < m; i++)
            {
                vector[i] = next[i] / value;
            }
        }

        return value;
    }

    // ⟨v, x_j − μ⟩ is Σ_i √p_i·u_i·G_ij up to a factor that all share.
    private static double Downweigh(ReadOnlySpan<double> gram, ReadOnlySpan<double> share, ReadOnlySpan<double> vector, Span<double> left)
    {
        int m = left.Length;
        using Scratch<double> tau = Scratch<double>.Rent(m);
        double most = 0;
        for (int j = 0; j < m; j++)
        {
            double projection = 0;
            for (int i = 0; i < m; i++)
            {
                projection += Math.Sqrt(share[i]) * vector[i] * gram[(i * m) + j];
            }

            tau.Span[j] = projection * projection;
            most = left[j] > 0 ? Math.Max(most, tau.Span[j]) : most;
        }

        for (int j = 0; j < m && most > 0; j++)
        {
            left[j] *= Math.Max(0, 1 - (tau.Span[j] / most));
        }

        return most > 0 ? Sum(left) : 0;
    }

    private static double Sum(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
        {
            sum += value;
        }

        return sum;
    }
}
