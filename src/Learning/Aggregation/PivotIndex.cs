using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Finds this node's own vector among the candidates.</summary>
internal static class PivotIndex
{
    /// <summary>The candidate that is the same memory as the pivot, else the first with the same bits.</summary>
    /// <exception cref="ArgumentException">It is not among them.</exception>
    public static int Find(ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates)
    {
        for (int i = 0; i < candidates.Count; i++)
        {
            if (candidates[i].Span == pivot)
            {
                return i;
            }
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(pivot);
        for (int i = 0; i < candidates.Count; i++)
        {
            if (MemoryMarshal.AsBytes(candidates[i].Span).SequenceEqual(bytes))
            {
                return i;
            }
        }

        throw new ArgumentException("the pivot is not among the candidates");
    }
}
