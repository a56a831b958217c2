using System.Buffers;
using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Coordinate-wise trimmed mean: in each coordinate the f smallest and f largest values are dropped, the rest averaged.</summary>
/// <remarks>
/// Source: Yin et al., ICML 2018 (arXiv:1803.01498), definition 2. It does not look at the pivot.
/// Cost: O(m log² m) comparisons per coordinate, done for 8 coordinates at a time by a sorting network over a block that stays in the first-level
/// cache; each vector is read once (twice with a trace). No allocation after the first call for an m.
/// What is not finite sorts above everything else. Where more than f candidates are not finite in a coordinate, or the sum overflows,
/// the pivot's value stands. Deviation: the trace counts a candidate as kept in a coordinate when its value lies between the lowest and the highest
/// kept value, so equal values at the border count for all who have them.
/// </remarks>
public sealed class TrimmedMean : IAggregator
{
    // 24 KiB of floats: the block of all m vectors stays in a first-level cache of 32 KiB.
    private const int ScratchFloats = 6 * 1024;
    private readonly int _faulty;
    private readonly ConcurrentDictionary<int, SortingNetwork> _networks = new();

    /// <summary>Makes the rule.</summary>
    /// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
    public TrimmedMean(int faulty)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(faulty);
        _faulty = faulty;
    }

    /// <inheritdoc/>
    public string Name => "trimmed-mean";

    /// <summary>2f + 1: one value has to be left.</summary>
    public int MinCandidates => (2 * _faulty) + 1;

    /// <inheritdoc/>
    public bool UsesPivot => false;

    /// <inheritdoc/>
    public bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, pivot.Length);
        int m = candidates.Count;
        if (m < MinCandidates)
        {
            return false;
        }

        CandidateMean.CheckShapes(candidates, result.Length);
        trace?.Reset(m);
        trace?.SetDistances(pivot, candidates);
        SortingNetwork network = _networks.GetOrAdd(m, static (count, trimmed) => new SortingNetwork(count, trimmed), _faulty);
        int width = Math.Max(64, ScratchFloats / m / 64 * 64);
        float[] scratch = ArrayPool<float>.Shared.Rent((m + 2) * width); // two rows more, for the trace
        for (int start = 0; start < result.Length; start += width)
        {
            int length = Math.Min(width, result.Length - start);
            Load(candidates, start, length, scratch, width);
            network.Sort(scratch, width, length);
            WriteMean(scratch, width, m, pivot.Slice(start, length), result.Slice(start, length));
            if (trace is not null)
            {
                CountKept(candidates, start, length, scratch, width, trace.Weights);
            }
        }

        ArrayPool<float>.Shared.Return(scratch);
        if (trace is not null && result.Length > 0)
        {
            TensorPrimitives.Divide(trace.Weights, result.Length, trace.Weights);
        }

        return true;
    }

    private static void Load(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, int start, int length, Span<float> scratch, int width)
    {
        for (int i = 0; i < candidates.Count; i++)
        {
            CopyFinite(candidates[i].Span.Slice(start, length), scratch.Slice(i * width, length));
        }
    }

    // NaN and −∞ become +∞: a network of minima and maxima must not meet NaN, and all three have to be cut off.
    private static void CopyFinite(ReadOnlySpan<float> source, Span<float> destination)
    {
        ref float from = ref MemoryMarshal.GetReference(source);
        ref float to = ref MemoryMarshal.GetReference(destination);
        Vector256<float> infinity = Vector256.Create(float.PositiveInfinity);
        int i = 0;
        for (; i <= source.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> value = Vector256.LoadUnsafe(ref from, (nuint)i);
            Vector256<float> finite = Vector256.LessThan(Vector256.Abs(value), infinity); // false for NaN
            Vector256.ConditionalSelect(finite, value, infinity).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = float.IsFinite(source[i]) ? source[i] : float.PositiveInfinity;
        }
    }

    private void WriteMean(ReadOnlySpan<float> sorted, int width, int m, ReadOnlySpan<float> pivot, Span<float> result)
    {
        int length = result.Length;
        sorted.Slice(_faulty * width, length).CopyTo(result);
        for (int i = _faulty + 1; i < m - _faulty; i++)
        {
            TensorPrimitives.Add(result, sorted.Slice(i * width, length), result);
        }

        TensorPrimitives.Divide(result, m - (2 * _faulty), result);
        if (!float.IsFinite(TensorPrimitives.SumOfMagnitudes<float>(result)))
        {
            ReplaceNonFinite(result, pivot);
        }
    }

    private static void ReplaceNonFinite(Span<float> result, ReadOnlySpan<float> pivot)
    {
        for (int k = 0; k < result.Length; k++)
        {
            result[k] = float.IsFinite(result[k]) ? result[k] : pivot[k];
        }
    }

    // The network leaves the kept rows unordered among themselves: their range goes to the two spare rows.
    private void CountKept(
        IReadOnlyList<ReadOnlyMemory<float>> candidates, int start, int length, Span<float> rows, int width, float[] counts)
    {
        int m = candidates.Count;
        Span<float> lowest = rows.Slice(m * width, length);
        Span<float> highest = rows.Slice((m + 1) * width, length);
        rows.Slice(_faulty * width, length).CopyTo(lowest);
        lowest.CopyTo(highest);
        for (int row = _faulty + 1; row < m - _faulty; row++)
        {
            TensorPrimitives.Min(lowest, rows.Slice(row * width, length), lowest);
            TensorPrimitives.Max(highest, rows.Slice(row * width, length), highest);
        }

        for (int i = 0; i < m; i++)
        {
            counts[i] += CountBetween(candidates[i].Span.Slice(start, length), lowest, highest);
        }
    }

    private static int CountBetween(ReadOnlySpan<float> values, ReadOnlySpan<float> lowest, ReadOnlySpan<float> highest)
    {
        int inside = 0;
        for (int k = 0; k < values.Length; k++)
        {
            inside += values[k] >= lowest[k] && values[k] <= highest[k] && float.IsFinite(values[k]) ? 1 : 0;
        }

        return inside;
    }
}
