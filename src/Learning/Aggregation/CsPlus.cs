namespace P2PLearn.Learning.Aggregation;

/// <summary>CS+: every difference to one's own vector is shortened to the largest one that is left when the 2f farthest are cut off.</summary>
/// <remarks>
/// Source: Gaucher, Dieuleveut, Hendrikx, ICML 2025 (arXiv:2410.10418), F-RG with the CS+ rule, on the complete graph with weights 1/m and step 1.
/// Bound: f below m/2 here, their theorem asks for more of the graph; one Byzantine candidate moves the result by at most τ/m, and τ is no
/// larger than an honest difference. Nobody is dropped, which keeps honest outliers. Cost: as <see cref="PivotRule"/> says.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class CsPlus(int faulty) : PivotRule(faulty)
{
    /// <inheritdoc/>
    public override string Name => "cs-plus";

    private protected override void Weigh(
        ReadOnlySpan<double> row, int pivot, ReadOnlySpan<long> samples, Span<double> weights)
    {
        int m = weights.Length;
        using Scratch<double> scratch = Scratch<double>.Rent(m);
        double squared = Ranking.KthSmallest(row, m - (2 * Faulty), scratch.Span);
        weights.Fill(1.0 / m);
        PivotClipping.Weigh(row, pivot, Math.Sqrt(squared), weights);
    }
}
