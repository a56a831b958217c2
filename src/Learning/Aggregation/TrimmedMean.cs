using System.Numerics.Tensors;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Coordinate-wise trimmed mean: in each coordinate the f smallest and f largest values are dropped, the rest averaged.</summary>
/// <remarks>
/// Source: Yin et al., ICML 2018 (arXiv:1803.01498), definition 2. Bound: f &lt; m/2; the result lies in the range of the honest values of each
/// coordinate. Cost and determinism: as <see cref="CoordinateRule"/> says.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class TrimmedMean(int faulty) : CoordinateRule(faulty)
{
    /// <inheritdoc/>
    public override string Name => "trimmed-mean";

    private protected override void FillParts(Span<int> parts)
    {
        parts.Fill(1);
        parts[..Faulty].Clear();
        parts[^Faulty..].Fill(2);
    }

    private protected override void WriteBlock(SortedRows rows, Span<float> result)
    {
        rows[Faulty].CopyTo(result);
        for (int i = Faulty + 1; i < rows.Count - Faulty; i++)
        {
            TensorPrimitives.Add(result, rows[i], result);
        }

        TensorPrimitives.Divide(result, rows.Count - (2 * Faulty), result);
    }

    // The kept rows are unordered among themselves.
    private protected override void WriteRange(SortedRows rows, Span<float> lowest, Span<float> highest)
    {
        rows[Faulty].CopyTo(lowest);
        rows[Faulty].CopyTo(highest);
        for (int i = Faulty + 1; i < rows.Count - Faulty; i++)
        {
            TensorPrimitives.Min(lowest, rows[i], lowest);
            TensorPrimitives.Max(highest, rows[i], highest);
        }
    }
}
