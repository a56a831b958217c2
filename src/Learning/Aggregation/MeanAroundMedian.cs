using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Mean around the median (Meamed): in each coordinate the mean of the m − f values nearest to the median.</summary>
/// <remarks>
/// Source: Xie, Koyejo, Gupta 2018 (arXiv:1802.10116), definition 4. Bound: f &lt; m/2; a value outside the honest ones' range is kept only if it is
/// no farther from the median than the one it displaces. Cost and determinism: as <see cref="CoordinateRule"/> says. Deviation: the median of an even
/// number is the mean of the two in the middle, and at equal distance the lower value is kept.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class MeanAroundMedian(int faulty) : CoordinateRule(faulty)
{
    /// <inheritdoc/>
    public override string Name => "mean-around-median";

    private protected override void FillParts(Span<int> parts)
    {
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = i;
        }
    }

    // The kept values are a window of the sorted ones. The middle m − 2f rows are in every window; moving it up by one exchanges row s for row s + m − f,
    // and once that does not pay it never does again. Nothing is subtracted, so an absurd value leaves no rounding error behind.
    private protected override void WriteBlock(SortedRows rows, Span<float> result)
    {
        int keep = rows.Count - Faulty;
        using Scratch<float> median = Scratch<float>.Rent(rows.Length);
        WriteMedian(rows, median.Span);
        rows[Faulty].CopyTo(result);
        for (int i = Faulty + 1; i < keep; i++)
        {
            TensorPrimitives.Add(result, rows[i], result);
        }

        for (int s = 0; s < Faulty; s++)
        {
            AddNearer(median.Span, rows[s], rows[s + keep], result);
        }

        TensorPrimitives.Divide(result, keep, result);
    }

    private protected override void WriteRange(SortedRows rows, Span<float> lowest, Span<float> highest)
    {
        int keep = rows.Count - Faulty;
        using Scratch<float> median = Scratch<float>.Rent(rows.Length);
        WriteMedian(rows, median.Span);
        rows[0].CopyTo(lowest);
        rows[keep - 1].CopyTo(highest);
        for (int s = 0; s < Faulty; s++)
        {
            for (int k = 0; k < rows.Length; k++)
            {
                bool pays = median.Span[k] - rows[s][k] > rows[s + keep][k] - median.Span[k];
                lowest[k] = pays ? rows[s + 1][k] : lowest[k];
                highest[k] = pays ? rows[s + keep][k] : highest[k];
            }
        }
    }

    private static void WriteMedian(SortedRows rows, Span<float> median)
    {
        TensorPrimitives.Multiply(rows[(rows.Count - 1) / 2], 0.5f, median);
        TensorPrimitives.MultiplyAdd(rows[rows.Count / 2], 0.5f, median, median);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddNearer(
        ReadOnlySpan<float> median, ReadOnlySpan<float> below, ReadOnlySpan<float> above, Span<float> sum)
    {
        ref float centre = ref MemoryMarshal.GetReference(median);
        ref float low = ref MemoryMarshal.GetReference(below);
        ref float high = ref MemoryMarshal.GetReference(above);
        ref float total = ref MemoryMarshal.GetReference(sum);
        int k = 0;
        for (; k <= sum.Length - Vector256<float>.Count; k += Vector256<float>.Count)
        {
            nuint at = (nuint)k;
            Vector256<float> c = Vector256.LoadUnsafe(ref centre, at);
            Vector256<float> a = Vector256.LoadUnsafe(ref low, at);
            Vector256<float> b = Vector256.LoadUnsafe(ref high, at);
            Vector256<float> nearer = Vector256.ConditionalSelect(Vector256.GreaterThan(c - a, b - c), b, a);
            (Vector256.LoadUnsafe(ref total, at) + nearer).StoreUnsafe(ref total, at);
        }

        for (; k < sum.Length; k++)
        {
            sum[k] += median[k] - below[k] > above[k] - median[k] ? above[k] : below[k];
        }
    }
}
