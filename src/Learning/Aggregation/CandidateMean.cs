using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Weighted means of candidates, written in one pass: each kept vector is read once, the result written once.</summary>
/// <remarks>
/// Candidates are added in index order in float, whatever the pivot, so nodes that keep the same ones get the same bits. Rejected candidates
/// are not read at all. A block of the result stays in the second-level cache while the kept vectors stream past it.
/// </remarks>
public static class CandidateMean
{
    private const int BlockLength = 32 * 1024; // 128 KiB: long streams, for the prefetcher's sake

    /// <summary>Writes Σ w_i·x_i; equal weights give the plain sum divided by their number.</summary>
    /// <param name="candidates">m vectors of shape [d]; those of weight 0 may hold NaN and ∞.</param>
    /// <param name="weights">Shape [m]; at least one is not 0.</param>
    /// <param name="result">Shape [d]; must not overlap an input.</param>
    /// <exception cref="ArgumentException">Shapes differ, or every weight is 0.</exception>
    public static void Write(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<double> weights, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, candidates.Count);
        int[] rented = ArrayPool<int>.Shared.Rent(Math.Max(1, weights.Length));
        try
        {
            int count = 0;
            bool equal = true;
            for (int i = 0; i < weights.Length; i++)
            {
                if (weights[i] != 0)
                {
                    equal &= count == 0 || weights[i] == weights[rented[0]];
                    rented[count++] = i;
                }
            }

            if (count == 0)
            {
                throw new ArgumentException("every weight is 0");
            }

            ReadOnlySpan<int> kept = rented.AsSpan(0, count);
            if (equal)
            {
                OfKept(candidates, kept, result);
            }
            else
            {
                WeightedOfKept(candidates, kept, weights, result);
            }
        }
        finally
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    /// <summary>Writes the plain mean of the kept candidates.</summary>
    internal static void OfKept(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<int> kept, Span<float> result)
    {
        CheckShapes(candidates, result.Length);
        for (int start = 0; start < result.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, result.Length - start);
            Span<float> sum = result.Slice(start, length);
            Block(candidates, kept[0], start, length).CopyTo(sum);
            int i = 1;
            for (; i + 3 < kept.Length; i += 4)
            {
                AddFour(
                    sum,
                    Block(candidates, kept[i], start, length),
                    Block(candidates, kept[i + 1], start, length),
                    Block(candidates, kept[i + 2], start, length),
                    Block(candidates, kept[i + 3], start, length));
            }

            for (; i < kept.Length; i++)
            {
                TensorPrimitives.Add(sum, Block(candidates, kept[i], start, length), sum);
            }

            TensorPrimitives.Divide(sum, kept.Length, sum);
        }
    }

    /// <summary>Refuses candidates of another length than d: the codec should have.</summary>
    internal static void CheckShapes(IReadOnlyList<ReadOnlyMemory<float>> candidates, int d)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        for (int i = 0; i < candidates.Count; i++)
        {
            if (candidates[i].Length != d)
            {
                throw new ArgumentException($"candidate {i} has {candidates[i].Length} coordinates, not {d}");
            }
        }
    }

    private static void WeightedOfKept(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<int> kept, ReadOnlySpan<double> weights, Span<float> result)
    {
        CheckShapes(candidates, result.Length);
        for (int start = 0; start < result.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, result.Length - start);
            Span<float> sum = result.Slice(start, length);
            sum.Clear();
            foreach (int i in kept)
            {
                AddScaled(sum, Block(candidates, i, start, length), (float)weights[i]);
            }
        }
    }

    // A product, then a sum: a fused multiply-add would give other bits where the machine has none.
    private static void AddScaled(Span<float> sum, ReadOnlySpan<float> values, float weight)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += values[i] * weight;
        }
    }

    // Four vectors a visit: a quarter of the reads and writes of the running sum. Lanes do not mix, so the width does not show in the result.
    private static void AddFour(
        Span<float> sum, ReadOnlySpan<float> first, ReadOnlySpan<float> second, ReadOnlySpan<float> third, ReadOnlySpan<float> fourth)
    {
        ref float s = ref MemoryMarshal.GetReference(sum);
        ref float a = ref MemoryMarshal.GetReference(first);
        ref float b = ref MemoryMarshal.GetReference(second);
        ref float c = ref MemoryMarshal.GetReference(third);
        ref float d = ref MemoryMarshal.GetReference(fourth);
        nuint i = 0;
        nuint lanes = (nuint)Vector256<float>.Count;
        for (nuint last = (nuint)sum.Length - ((nuint)sum.Length % lanes); i < last; i += lanes)
        {
            Vector256<float> total = Vector256.LoadUnsafe(ref s, i) + Vector256.LoadUnsafe(ref a, i);
            total += Vector256.LoadUnsafe(ref b, i);
            total += Vector256.LoadUnsafe(ref c, i);
            total += Vector256.LoadUnsafe(ref d, i);
            total.StoreUnsafe(ref s, i);
        }

        for (int k = (int)i; k < sum.Length; k++)
        {
            sum[k] = (((sum[k] + first[k]) + second[k]) + third[k]) + fourth[k];
        }
    }

    private static ReadOnlySpan<float> Block(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, int index, int start, int length) =>
        candidates[index].Span.Slice(start, length);
}
