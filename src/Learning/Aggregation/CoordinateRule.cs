using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule that treats each coordinate for itself, on its sorted values.</summary>
/// <remarks>
/// Cost: O(m log² m) comparisons per coordinate, done for 8 or 16 coordinates at a time by a sorting network over a block that stays in the first-level
/// cache; each vector is read once (three times with a trace). No allocation after the first call for an m.
/// What is not finite sorts above everything else. Where the rule's value is not finite, because more than f candidates are not or a sum
/// overflows, the pivot's value stands. It does not look at the pivot otherwise. The trace counts a candidate as kept in a coordinate when
/// its value lies between the lowest and the highest kept value, so equal values at the border count for all who have them.
/// </remarks>
public abstract class CoordinateRule : IAggregator
{
    // 24 KiB of floats: the block of all m vectors stays in a first-level cache of 32 KiB.
    private const int ScratchFloats = 6 * 1024;
    private readonly ConcurrentDictionary<int, SortingNetwork> _networks = new();
    private readonly Func<int, SortingNetwork> _create;

    private protected CoordinateRule(int faulty)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(faulty);
        Faulty = faulty;
        _create = count =>
        {
            int[] parts = new int[count];
            FillParts(parts);
            return new SortingNetwork(parts);
        };
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <summary>2f + 1: the middle value is an honest one or lies between two.</summary>
    public int MinCandidates => (2 * Faulty) + 1;

    /// <inheritdoc/>
    public bool UsesPivot => false;

    /// <summary>f, how many candidates may be Byzantine.</summary>
    private protected int Faulty { get; }

    /// <inheritdoc/>
    public bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, pivot.Length);
        CandidateMean.CheckShapes(candidates, pivot.Length);
        if (candidates.Count < MinCandidates)
        {
            return false;
        }

        trace?.Reset(candidates.Count);
        trace?.SetDistances(pivot, candidates);
        Run(pivot, new MixedRows(candidates), result, trace is null ? [] : trace.Weights);
        return true;
    }

    /// <summary>Applies the rule to rows that may be mixtures of the candidates, block by block.</summary>
    /// <param name="pivot">Shape [d].</param>
    /// <param name="rows">At least <see cref="MinCandidates"/> of them.</param>
    /// <param name="result">Shape [d].</param>
    /// <param name="shares">Shape [rows], all 0; filled with the share of coordinates in which a row was kept. Empty when not wanted.</param>
    internal void Run(ReadOnlySpan<float> pivot, MixedRows rows, Span<float> result, Span<float> shares)
    {
        int m = rows.Count;
        SortingNetwork network = _networks.GetOrAdd(m, _create);
        int width = Math.Max(64, ScratchFloats / m / 64 * 64);
        using Scratch<float> scratch = Scratch<float>.Rent((m + 2) * width); // two rows more: range of the kept values
        for (int start = 0; start < result.Length; start += width)
        {
            int length = Math.Min(width, result.Length - start);
            var sorted = new SortedRows(scratch.Span, m, width, length);
            Span<float> block = result.Slice(start, length);
            Load(rows, start, sorted);
            network.Sort(scratch.Span, width, length);
            WriteBlock(sorted, block);
            ReplaceNonFinite(block, pivot.Slice(start, length));
            if (!shares.IsEmpty)
            {
                WriteRange(sorted, sorted[m], sorted[m + 1]);
                Load(rows, start, sorted);
                CountKept(sorted, shares);
            }
        }

        if (!shares.IsEmpty && result.Length > 0)
        {
            TensorPrimitives.Divide(shares, result.Length, shares);
        }
    }

    /// <summary>Says which rows the network has to tell apart: rows of one part stay unordered among themselves.</summary>
    /// <param name="parts">Shape [m]; filled with numbers that do not fall.</param>
    private protected abstract void FillParts(Span<int> parts);

    /// <summary>Writes the rule's value of each column.</summary>
    private protected abstract void WriteBlock(SortedRows rows, Span<float> result);

    /// <summary>Writes the lowest and the highest value that goes into each column's result.</summary>
    private protected abstract void WriteRange(SortedRows rows, Span<float> lowest, Span<float> highest);

    private static void Load(MixedRows source, int start, SortedRows rows)
    {
        for (int i = 0; i < rows.Count; i++)
        {
            source.Load(i, start, rows[i]);
            MakeSortable(rows[i]);
        }
    }

    // NaN and −∞ become +∞: a network of minima and maxima must not meet NaN, and all three have to be cut off.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MakeSortable(Span<float> values)
    {
        ref float at = ref MemoryMarshal.GetReference(values);
        Vector256<float> infinity = Vector256.Create(float.PositiveInfinity);
        int i = 0;
        for (; i <= values.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> value = Vector256.LoadUnsafe(ref at, (nuint)i);
            Vector256<float> finite = Vector256.LessThan(Vector256.Abs(value), infinity); // false for NaN
            Vector256.ConditionalSelect(finite, value, infinity).StoreUnsafe(ref at, (nuint)i);
        }

        for (; i < values.Length; i++)
        {
            values[i] = float.IsFinite(values[i]) ? values[i] : float.PositiveInfinity;
        }
    }

    private static void ReplaceNonFinite(Span<float> result, ReadOnlySpan<float> pivot)
    {
        if (float.IsFinite(TensorPrimitives.SumOfMagnitudes<float>(result)))
        {
            return;
        }

        for (int k = 0; k < result.Length; k++)
        {
            result[k] = float.IsFinite(result[k]) ? result[k] : pivot[k];
        }
    }

    private static void CountKept(SortedRows rows, Span<float> counts)
    {
        for (int i = 0; i < rows.Count; i++)
        {
            counts[i] += CountBetween(rows[i], rows[rows.Count], rows[rows.Count + 1]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int CountBetween(ReadOnlySpan<float> values, ReadOnlySpan<float> lowest, ReadOnlySpan<float> highest)
    {
        ref float value = ref MemoryMarshal.GetReference(values);
        ref float low = ref MemoryMarshal.GetReference(lowest);
        ref float high = ref MemoryMarshal.GetReference(highest);
        Vector256<float> infinity = Vector256.Create(float.PositiveInfinity);
        Vector256<int> inside = default;
        int k = 0;
        for (; k <= values.Length - Vector256<float>.Count; k += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.LoadUnsafe(ref value, (nuint)k);
            Vector256<float> kept = Vector256.GreaterThanOrEqual(x, Vector256.LoadUnsafe(ref low, (nuint)k))
                & Vector256.LessThanOrEqual(x, Vector256.LoadUnsafe(ref high, (nuint)k))
                & Vector256.LessThan(x, infinity);
            inside -= kept.AsInt32(); // all ones is −1
        }

        int count = Vector256.Sum(inside);
        for (; k < values.Length; k++)
        {
            count += values[k] >= lowest[k] && values[k] <= highest[k] && float.IsFinite(values[k]) ? 1 : 0;
        }

        return count;
    }
}
