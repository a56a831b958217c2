namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule that weighs the candidates by their distances to this node's own vector alone.</summary>
/// <remarks>Cost: one pass over m·d floats for the distances and one over those kept; no allocation.</remarks>
public abstract class PivotRule : IDistanceRule
{
    private protected PivotRule(int faulty)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(faulty);
        Faulty = faulty;
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public bool UsesAllPairs => false;

    /// <summary>2f + 1: the honest candidates are the majority.</summary>
    public int MinCandidates => (2 * Faulty) + 1;

    /// <summary>f, how many candidates may be Byzantine.</summary>
    private protected int Faulty { get; }

    /// <inheritdoc/>
    public bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace) =>
        TryAggregate(pivot, candidates, [], result, trace);

    /// <inheritdoc/>
    public bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, Span<double> weights) =>
        TryWeigh(squaredDistances, pivot, [], weights);

    /// <summary>The same for rules that count samples; others are given none.</summary>
    private protected bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, ReadOnlySpan<long> samples, Span<double> weights)
    {
        int m = weights.Length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(squaredDistances.Length, m * m);
        if (m < MinCandidates)
        {
            return false;
        }

        Weigh(squaredDistances.Slice(pivot * m, m), pivot, samples, weights);
        return true;
    }

    /// <summary>The same for rules that count samples; others are given none.</summary>
    private protected bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<long> samples,
        Span<float> result, AggregationTrace? trace)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, pivot.Length);
        CandidateMean.CheckShapes(candidates, pivot.Length);
        int m = candidates.Count;
        if (m < MinCandidates)
        {
            return false;
        }

        using Scratch<double> row = Scratch<double>.Rent(m);
        using Scratch<double> weights = Scratch<double>.Rent(m);
        int own = PivotIndex.Find(pivot, candidates);
        SquaredDistance.FromPivot(pivot, candidates, row.Span);
        Weigh(row.Span, own, samples, weights.Span);
        CandidateMean.Write(candidates, weights.Span, result);
        trace?.Set(row.Span, weights.Span);
        return true;
    }

    /// <summary>The rule itself.</summary>
    /// <param name="row">Squared distances to the pivot, shape [m], never NaN; 0 at the pivot.</param>
    /// <param name="pivot">In [0, m).</param>
    /// <param name="samples">Shape [m], or empty when not known.</param>
    /// <param name="weights">Shape [m]; every entry is written.</param>
    private protected abstract void Weigh(
        ReadOnlySpan<double> row, int pivot, ReadOnlySpan<long> samples, Span<double> weights);
}
