using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Squared Euclidean distances between model vectors: the kernel under every rule that compares them.</summary>
/// <remarks>
/// Precision: differences and squares in float, 32 running sums of at most 128 terms each within a block of 4,096 coordinates, blocks
/// added up in double; the relative error is a few 1e-7 whatever d is. Differences are taken before squaring, so nothing is lost
/// when models differ little compared with their norm.
/// Determinism: fixed width, fixed order and no fused multiply-add, so every machine and every caller gets the same bits, and
/// d(a, b) = d(b, a) exactly.
/// </remarks>
internal static class SquaredDistance
{
    /// <summary>Coordinates of a block: a block of one vector is 16 KiB, so two fit the first-level cache.</summary>
    public const int BlockLength = 4096;

    private const int Lanes = 8;
    private const int Stride = 4 * Lanes;

    /// <summary>Distances from one pivot to each candidate in one pass over memory.</summary>
    /// <param name="pivot">Shape [d].</param>
    /// <param name="candidates">m vectors of shape [d].</param>
    /// <param name="squared">Shape [m]; ∞ where the difference is not finite or its square overflows a float.</param>
    /// <exception cref="ArgumentException">A candidate has another length than the pivot.</exception>
    public static void FromPivot(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<double> squared)
    {
        CandidateMean.CheckShapes(candidates, pivot.Length);
        squared = squared[..candidates.Count];
        squared.Clear();
        for (int start = 0; start < pivot.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, pivot.Length - start);
            ReadOnlySpan<float> block = pivot.Slice(start, length);
            for (int i = 0; i < squared.Length; i++)
            {
                squared[i] += OfBlock(block, candidates[i].Span.Slice(start, length));
            }
        }

        ReplaceNonFinite(squared);
    }

    /// <summary>Distances between all pairs, each block read from memory once.</summary>
    /// <param name="vectors">m vectors of one length.</param>
    /// <param name="squared">Shape [m, m], row-major; symmetric. The diagonal of a vector that is not finite is ∞.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static void Pairwise(IReadOnlyList<ReadOnlyMemory<float>> vectors, Span<double> squared)
    {
        int m = vectors.Count;
        int d = m == 0 ? 0 : vectors[0].Length;
        CandidateMean.CheckShapes(vectors, d);
        squared = squared[..(m * m)];
        squared.Clear();
        for (int start = 0; start < d; start += BlockLength)
        {
            int length = Math.Min(BlockLength, d - start);
            for (int i = 0; i < m; i++)
            {
                ReadOnlySpan<float> block = vectors[i].Span.Slice(start, length);
                for (int j = i; j < m; j++)
                {
                    squared[(i * m) + j] += OfBlock(block, vectors[j].Span.Slice(start, length));
                }
            }
        }

        ReplaceNonFinite(squared);
        Mirror(squared, m);
    }

    private static void Mirror(Span<double> squared, int m)
    {
        for (int i = 1; i < m; i++)
        {
            for (int j = 0; j < i; j++)
            {
                squared[(i * m) + j] = squared[(j * m) + i];
            }
        }
    }

    private static void ReplaceNonFinite(Span<double> squared)
    {
        foreach (ref double value in squared)
        {
            value = double.IsFinite(value) ? value : double.PositiveInfinity; // NaN would sort first
        }
    }

    private static double OfBlock(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        ref float a = ref MemoryMarshal.GetReference(left);
        ref float b = ref MemoryMarshal.GetReference(right);
        Vector256<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nuint i = 0;
        for (nuint last = (nuint)(left.Length - (left.Length % Stride)); i < last; i += Stride)
        {
            Vector256<float> d0 = Vector256.LoadUnsafe(ref a, i) - Vector256.LoadUnsafe(ref b, i);
            Vector256<float> d1 = Vector256.LoadUnsafe(ref a, i + Lanes) - Vector256.LoadUnsafe(ref b, i + Lanes);
            Vector256<float> d2 = Vector256.LoadUnsafe(ref a, i + (2 * Lanes)) - Vector256.LoadUnsafe(ref b, i + (2 * Lanes));
            Vector256<float> d3 = Vector256.LoadUnsafe(ref a, i + (3 * Lanes)) - Vector256.LoadUnsafe(ref b, i + (3 * Lanes));
            sum0 += d0 * d0;
            sum1 += d1 * d1;
            sum2 += d2 * d2;
            sum3 += d3 * d3;
        }

        float rest = 0;
        for (int k = (int)i; k < left.Length; k++)
        {
            float difference = left[k] - right[k];
            rest += difference * difference;
        }

        return SumInDouble((sum0 + sum1) + (sum2 + sum3)) + rest;
    }

    private static double SumInDouble(Vector256<float> sums)
    {
        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(sums);
        Vector256<double> four = lower + upper;
        return (four[0] + four[1]) + (four[2] + four[3]);
    }
}
