using System.Buffers;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Nearest-neighbour averaging: the mean of the m − f candidates nearest to this node's own vector.</summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), the mixing step of MoNNA. There a node has heard from m = n − f nodes, itself
/// included, and keeps n − 2f. Deviation: by default m is everyone who answered in time (up to n), which lowers the Byzantine share of
/// what is heard from f/(n − f) to f/n; "nna-quorum" is the paper's reading. The rule itself is the same, only what is waited for differs.
/// The paper's K mixing rounds are K exchanges of models, so they belong to the run, not to the rule.
/// Bound: proved for n ≥ 11 f; ignores f absurd candidates while f &lt; m/2. Cost: one pass over all m·d floats for the distances and one over
/// the kept ones; no allocation. Equal distances go to the lower index. A candidate at infinite distance is never kept, even when fewer than
/// m − f remain.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
/// <param name="heard">What the round waits for; only the name depends on it here.</param>
public sealed class Nna(int faulty, Heard heard = Heard.All) : IDistanceRule
{
    private readonly int _faulty = faulty >= 0 ? faulty : throw new ArgumentOutOfRangeException(nameof(faulty));

    /// <inheritdoc/>
    public string Name { get; } = heard == Heard.All ? "nna" : "nna-quorum";

    /// <summary>2f + 1: below it the kept m − f would not have an honest majority.</summary>
    public int MinCandidates => (2 * _faulty) + 1;

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

        double[] squared = ArrayPool<double>.Shared.Rent(m);
        int[] order = ArrayPool<int>.Shared.Rent(m);
        try
        {
            SquaredDistance.FromPivot(pivot, candidates, squared);
            Span<int> kept = SelectNearest(squared.AsSpan(0, m), m - _faulty, order);
            if (kept.IsEmpty)
            {
                throw new ArgumentException("the pivot is not finite, or not among the candidates");
            }

            CandidateMean.OfKept(candidates, kept, result);
            Fill(trace, squared.AsSpan(0, m), kept);
        }
        finally
        {
            ArrayPool<double>.Shared.Return(squared);
            ArrayPool<int>.Shared.Return(order);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(squaredDistances.Length, m * m);
        if (m < MinCandidates)
        {
            return false;
        }

        int[] order = ArrayPool<int>.Shared.Rent(m);
        Span<int> kept = SelectNearest(squaredDistances.Slice(pivot * m, m), m - _faulty, order);
        weights.Clear();
        foreach (int index in kept)
        {
            weights[index] = 1.0 / kept.Length;
        }

        ArrayPool<int>.Shared.Return(order);
        return true;
    }

    /// <summary>Indices of the <paramref name="keep"/> smallest finite distances, in index order.</summary>
    /// <param name="squared">Shape [m], never NaN.</param>
    /// <param name="keep">At most m.</param>
    /// <param name="order">Scratch, at least m long; the result is a part of it.</param>
    internal static Span<int> SelectNearest(ReadOnlySpan<double> squared, int keep, Span<int> order)
    {
        int count = 0;
        for (int i = 0; i < squared.Length; i++)
        {
            if (!double.IsFinite(squared[i]))
            {
                continue;
            }

            int at = count;
            for (; at > 0 && squared[order[at - 1]] > squared[i]; at--)
            {
                if (at < keep)
                {
                    order[at] = order[at - 1];
                }
            }

            if (at < keep)
            {
                order[at] = i;
                count = Math.Min(count + 1, keep);
            }
        }

        order[..count].Sort();
        return order[..count];
    }

    private static void Fill(AggregationTrace? trace, ReadOnlySpan<double> squared, ReadOnlySpan<int> kept)
    {
        if (trace is null)
        {
            return;
        }

        trace.Reset(squared.Length);
        for (int i = 0; i < squared.Length; i++)
        {
            trace.Distances[i] = (float)Math.Sqrt(squared[i]);
        }

        foreach (int index in kept)
        {
            trace.Weights[index] = 1f / kept.Length;
        }
    }
}
