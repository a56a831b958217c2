using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Splits the rows of a block, column by column, into parts that lie above each other, e.g. the f smallest, the middle and the f largest values.</summary>
/// <remarks>
/// Source: Batcher's odd-even merge sort (1968), for any m by leaving out comparators that reach beyond it. Comparators whose two outputs end
/// in the same part are left out too, from the end backwards, as nobody asks for the order inside a part.
/// </remarks>
internal sealed class SortingNetwork
{
    private readonly (int Low, int High)[] _comparators;

    /// <summary>Builds the network for as many rows as there are numbers.</summary>
    /// <param name="parts">The part of each row; the numbers do not fall. All different: a full sort.</param>
    public SortingNetwork(ReadOnlySpan<int> parts) => _comparators = Prune(OddEvenMergeSort(parts.Length), parts);

    /// <summary>How many comparators a column takes.</summary>
    public int ComparatorCount => _comparators.Length;

    /// <summary>Orders the first <paramref name="length"/> columns of a block in place.</summary>
    /// <param name="rows">Shape [m, width], row-major, without NaN.</param>
    /// <param name="width">Floats of a row.</param>
    /// <param name="length">Columns in use.</param>
    public void Sort(Span<float> rows, int width, int length)
    {
        foreach ((int low, int high) in _comparators)
        {
            CompareExchange(rows.Slice(low * width, length), rows.Slice(high * width, length));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CompareExchange(Span<float> low, Span<float> high)
    {
        ref float a = ref MemoryMarshal.GetReference(low);
        ref float b = ref MemoryMarshal.GetReference(high);
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i <= low.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> x = Vector512.LoadUnsafe(ref a, (nuint)i);
                Vector512<float> y = Vector512.LoadUnsafe(ref b, (nuint)i);
                Vector512.MinNative(x, y).StoreUnsafe(ref a, (nuint)i);
                Vector512.MaxNative(x, y).StoreUnsafe(ref b, (nuint)i);
            }
        }

        for (; i <= low.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.LoadUnsafe(ref a, (nuint)i);
            Vector256<float> y = Vector256.LoadUnsafe(ref b, (nuint)i);
            Vector256.MinNative(x, y).StoreUnsafe(ref a, (nuint)i);
            Vector256.MaxNative(x, y).StoreUnsafe(ref b, (nuint)i);
        }

        for (; i < low.Length; i++)
        {
            (low[i], high[i]) = low[i] <= high[i] ? (low[i], high[i]) : (high[i], low[i]);
        }
    }

    private static List<(int Low, int High)> OddEvenMergeSort(int count)
    {
        var comparators = new List<(int, int)>();
        for (int p = 1; p < count; p *= 2)
        {
            for (int k = p; k >= 1; k /= 2)
            {
                AddMergeStep(comparators, count, p, k);
            }
        }

        return comparators;
    }

    private static void AddMergeStep(List<(int Low, int High)> comparators, int count, int p, int k)
    {
        for (int j = k % p; j + k < count; j += 2 * k)
        {
            for (int i = 0; i < k && i + j + k < count; i++)
            {
                if ((i + j) / (2 * p) == (i + j + k) / (2 * p))
                {
                    comparators.Add((i + j, i + j + k));
                }
            }
        }
    }

    private static (int Low, int High)[] Prune(List<(int Low, int High)> comparators, ReadOnlySpan<int> parts)
    {
        var usedLater = new bool[parts.Length];
        var kept = new List<(int, int)>(comparators.Count);
        for (int i = comparators.Count - 1; i >= 0; i--)
        {
            (int low, int high) = comparators[i];
            if (!usedLater[low] && !usedLater[high] && parts[low] == parts[high])
            {
                continue;
            }

            usedLater[low] = usedLater[high] = true;
            kept.Add((low, high));
        }

        kept.Reverse();
        return [.. kept];
    }
}
