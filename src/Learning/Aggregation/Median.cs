using System.Numerics.Tensors;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Coordinate-wise median; of an even number of values the mean of the two in the middle.</summary>
/// <remarks>
/// Source: Yin et al., ICML 2018 (arXiv:1803.01498), definition 1. Bound: f &lt; m/2; the result lies in the range of the honest values of each
/// coordinate. Cost and determinism: as <see cref="CoordinateRule"/> says.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0. Only <see cref="CoordinateRule.MinCandidates"/> depends on it.</param>
public sealed class Median(int faulty) : CoordinateRule(faulty)
{
    /// <inheritdoc/>
    public override string Name => "median";

    private protected override void FillParts(Span<int> parts)
    {
        int m = parts.Length;
        parts.Clear();
        parts[((m - 1) / 2)..].Fill(1);
        parts[((m / 2) + 1)..].Fill(2);
    }

    // Halves first: a sum could overflow.
    private protected override void WriteBlock(SortedRows rows, Span<float> result)
    {
        TensorPrimitives.Multiply(rows[(rows.Count - 1) / 2], 0.5f, result);
        TensorPrimitives.MultiplyAdd(rows[rows.Count / 2], 0.5f, result, result);
    }

    // The two in the middle are one part, so either may be the lower.
    private protected override void WriteRange(SortedRows rows, Span<float> lowest, Span<float> highest)
    {
        TensorPrimitives.Min(rows[(rows.Count - 1) / 2], rows[rows.Count / 2], lowest);
        TensorPrimitives.Max(rows[(rows.Count - 1) / 2], rows[rows.Count / 2], highest);
    }
}
