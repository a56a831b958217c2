namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule that weighs the candidates by the distances between all of them: the way from vectors to distances, weights and the result.</summary>
/// <remarks>
/// Cost: one blocked pass for m(m − 1)/2 distances, what the rule does with the m × m numbers, and one pass over the candidates it keeps.
/// Where fewer than m − f candidates are finite nothing can be said, and the pivot stands.
/// </remarks>
public abstract class DistanceRule : IDistanceRule
{
    private protected DistanceRule(int faulty)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(faulty);
        Faulty = faulty;
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract int MinCandidates { get; }

    /// <inheritdoc/>
    public virtual bool UsesPivot => false;

    /// <inheritdoc/>
    public virtual bool UsesAllPairs => true;

    /// <summary>How many threads compute distances; the result does not depend on it. 1 allocates nothing.</summary>
    internal int Degree { get; init; } = 1;

    /// <summary>f, how many candidates may be Byzantine.</summary>
    private protected int Faulty { get; }

    /// <inheritdoc/>
    public bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, pivot.Length);
        CandidateMean.CheckShapes(candidates, pivot.Length);
        int m = candidates.Count;
        if (m < MinCandidates)
        {
            return false;
        }

        using Scratch<double> squared = Scratch<double>.Rent(m * m);
        using Scratch<double> weights = Scratch<double>.Rent(m);
        int own = PivotIndex.Find(pivot, candidates);
        SquaredDistance.Fill(candidates, own, UsesAllPairs, squared.Array, Degree);
        TryWeigh(squared.Span, own, weights.Span);
        CandidateMean.Write(candidates, weights.Span, result);
        trace?.Set(squared.Span.Slice(own * m, m), weights.Span);
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

        weights.Clear();
        if (CountFinite(squaredDistances, m) < m - Faulty || !Weigh(squaredDistances, pivot, weights))
        {
            weights.Clear();
            weights[pivot] = 1;
        }

        return true;
    }

    /// <summary>The rule itself.</summary>
    /// <param name="squared">Shape [m, m]; at least m − f entries of the diagonal are 0, the others ∞.</param>
    /// <param name="pivot">In [0, m).</param>
    /// <param name="weights">Shape [m], all 0.</param>
    /// <returns>False when everything is too far from everything for the rule to decide: the pivot then stands.</returns>
    private protected abstract bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights);

    private static int CountFinite(ReadOnlySpan<double> squared, int m)
    {
        int finite = 0;
        for (int i = 0; i < m; i++)
        {
            finite += double.IsFinite(squared[(i * m) + i]) ? 1 : 0;
        }

        return finite;
    }
}
