using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
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
            MeanOfBlock(candidates, kept, start, result.Slice(start, Math.Min(BlockLength, result.Length - start)));
        }
    }

    /// <summary>Writes the plain mean of the kept candidates over the coordinates from <paramref name="start"/>.</summary>
    internal static void MeanOfBlock(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<int> kept, int start, Span<float> sum)
    {
        int length = sum.Length;
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

        if (kept.Length > 1)
        {
            TensorPrimitives.Divide(sum, kept.Length, sum);
        }
    }

    /// <summary>Writes Σ w_i·x_i of the kept candidates over the coordinates from <paramref name="start"/>.</summary>
    /// <param name="candidates">m vectors.</param>
    /// <param name="kept">Indices of those whose weight is not 0.</param>
    /// <param name="weights">Shape [m].</param>
    /// <param name="start">First coordinate.</param>
    /// <param name="sum">As many coordinates as are wanted.</param>
    internal static void WeightedBlock(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<int> kept, ReadOnlySpan<double> weights, int start, Span<float> sum)
    {
        int length = sum.Length;
        sum.Clear();
        int i = 0;
        for (; i + 1 < kept.Length; i += 2)
        {
            AddTwoScaled(
                sum,
                Block(candidates, kept[i], start, length),
                (float)weights[kept[i]],
                Block(candidates, kept[i + 1], start, length),
                (float)weights[kept[i + 1]]);
        }

        if (i < kept.Length)
        {
            AddScaled(sum, Block(candidates, kept[i], start, length), (float)weights[kept[i]]);
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
            WeightedBlock(candidates, kept, weights, start, result.Slice(start, Math.Min(BlockLength, result.Length - start)));
        }
    }

    // A product, then a sum: memory is what it waits for, and machines without a fused multiply-add have nothing to imitate.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddScaled(Span<float> sum, ReadOnlySpan<float> values, float weight)
    {
        ref float s = ref MemoryMarshal.GetReference(sum);
        ref float a = ref MemoryMarshal.GetReference(values);
        int i = 0;
        for (; i <= sum.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> total = Vector256.LoadUnsafe(ref s, (nuint)i) + (Vector256.LoadUnsafe(ref a, (nuint)i) * weight);
            total.StoreUnsafe(ref s, (nuint)i);
        }

        for (; i < sum.Length; i++)
        {
            sum[i] += values[i] * weight;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddTwoScaled(
        Span<float> sum, ReadOnlySpan<float> first, float firstWeight, ReadOnlySpan<float> second, float secondWeight)
    {
        ref float s = ref MemoryMarshal.GetReference(sum);
        ref float a = ref MemoryMarshal.GetReference(first);
        ref float b = ref MemoryMarshal.GetReference(second);
        int i = 0;
        for (; i <= sum.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> total = Vector256.LoadUnsafe(ref s, (nuint)i) + (Vector256.LoadUnsafe(ref a, (nuint)i) * firstWeight);
            total += Vector256.LoadUnsafe(ref b, (nuint)i) * secondWeight;
            total.StoreUnsafe(ref s, (nuint)i);
        }

        for (; i < sum.Length; i++)
        {
            sum[i] = (sum[i] + (first[i] * firstWeight)) + (second[i] * secondWeight);
        }
    }

    // Four vectors a visit: a quarter of the reads and writes of the running sum. Lanes do not mix, so the width does not show in the result.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddFour(
        Span<float> sum, ReadOnlySpan<float> first, ReadOnlySpan<float> second, ReadOnlySpan<float> third, ReadOnlySpan<float> fourth)
    {
        ref float s = ref MemoryMarshal.GetReference(sum);
        ref float a = ref MemoryMarshal.GetReference(first);
        ref float b = ref MemoryMarshal.GetReference(second);
        ref float c = ref MemoryMarshal.GetReference(third);
        ref float d = ref MemoryMarshal.GetReference(fourth);
        nuint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            nuint wide = (nuint)Vector512<float>.Count;
            for (nuint last = (nuint)sum.Length - ((nuint)sum.Length % wide); i < last; i += wide)
            {
                Vector512<float> total = Vector512.LoadUnsafe(ref s, i) + Vector512.LoadUnsafe(ref a, i);
                total += Vector512.LoadUnsafe(ref b, i);
                total += Vector512.LoadUnsafe(ref c, i);
                total += Vector512.LoadUnsafe(ref d, i);
                total.StoreUnsafe(ref s, i);
            }
        }

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
