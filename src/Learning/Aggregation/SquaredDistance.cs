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

    /// <summary>Distances from one pivot to each candidate; every candidate is read once, in one go, two at a time beside the pivot.</summary>
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
        AddRow(pivot, candidates, 0, 0, squared);
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
            for (int i = 0; i < m; i++)
            {
                ReadOnlySpan<float> block = vectors[i].Span.Slice(start, Math.Min(BlockLength, d - start));
                AddRow(block, vectors, i, start, squared.Slice(i * m, m));
            }
        }

        ReplaceNonFinite(squared);
        Mirror(squared, m);
    }

    // Adds to squared[first..] the distances over the coordinates [start, start + pivot.Length), block by block.
    private static void AddRow(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, int first, int start, Span<double> squared)
    {
        int i = first;
        for (; i + 1 < candidates.Count; i += 2)
        {
            ReadOnlySpan<float> one = candidates[i].Span.Slice(start, pivot.Length);
            ReadOnlySpan<float> two = candidates[i + 1].Span.Slice(start, pivot.Length);
            for (int at = 0; at < pivot.Length; at += BlockLength)
            {
                int length = Math.Min(BlockLength, pivot.Length - at);
                (double ofOne, double ofTwo) = OfBlocks(pivot.Slice(at, length), one.Slice(at, length), two.Slice(at, length));
                squared[i] += ofOne;
                squared[i + 1] += ofTwo;
            }
        }

        if (i < candidates.Count)
        {
            ReadOnlySpan<float> last = candidates[i].Span.Slice(start, pivot.Length);
            for (int at = 0; at < pivot.Length; at += BlockLength)
            {
                int length = Math.Min(BlockLength, pivot.Length - at);
                squared[i] += OfBlocks(pivot.Slice(at, length), last.Slice(at, length), last.Slice(at, length)).First;
            }
        }
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

    private static (double First, double Second) OfBlocks(
        ReadOnlySpan<float> pivot, ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        ref float p = ref MemoryMarshal.GetReference(pivot);
        ref float a = ref MemoryMarshal.GetReference(first);
        ref float b = ref MemoryMarshal.GetReference(second);
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default;
        int done = pivot.Length - (pivot.Length % Stride);
        for (nuint i = 0; i < (nuint)done; i += Stride)
        {
            Vector256<float> p0 = Vector256.LoadUnsafe(ref p, i);
            Vector256<float> p1 = Vector256.LoadUnsafe(ref p, i + Lanes);
            Vector256<float> p2 = Vector256.LoadUnsafe(ref p, i + (2 * Lanes));
            Vector256<float> p3 = Vector256.LoadUnsafe(ref p, i + (3 * Lanes));
            a0 += Square(p0 - Vector256.LoadUnsafe(ref a, i));
            a1 += Square(p1 - Vector256.LoadUnsafe(ref a, i + Lanes));
            a2 += Square(p2 - Vector256.LoadUnsafe(ref a, i + (2 * Lanes)));
            a3 += Square(p3 - Vector256.LoadUnsafe(ref a, i + (3 * Lanes)));
            b0 += Square(p0 - Vector256.LoadUnsafe(ref b, i));
            b1 += Square(p1 - Vector256.LoadUnsafe(ref b, i + Lanes));
            b2 += Square(p2 - Vector256.LoadUnsafe(ref b, i + (2 * Lanes)));
            b3 += Square(p3 - Vector256.LoadUnsafe(ref b, i + (3 * Lanes)));
        }

        return (
            SumInDouble((a0 + a1) + (a2 + a3)) + OfRest(pivot[done..], first[done..]),
            SumInDouble((b0 + b1) + (b2 + b3)) + OfRest(pivot[done..], second[done..]));
    }

    private static Vector256<float> Square(Vector256<float> value) => value * value;

    private static float OfRest(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        float sum = 0;
        for (int k = 0; k < left.Length; k++)
        {
            float difference = left[k] - right[k];
            sum += difference * difference;
        }

        return sum;
    }

    private static double SumInDouble(Vector256<float> sums)
    {
        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(sums);
        Vector256<double> four = lower + upper;
        return (four[0] + four[1]) + (four[2] + four[3]);
    }
}
