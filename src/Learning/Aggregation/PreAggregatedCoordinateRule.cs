namespace P2PLearn.Learning.Aggregation;

/// <summary>Pre-aggregators before a coordinate-wise rule: rows are mixed block by block on their way into the sorting network.</summary>
internal sealed class PreAggregatedCoordinateRule(string name, IReadOnlyList<IPreAggregator> steps, CoordinateRule inner) : IAggregator
{
    private readonly PreAggregation _before = new(steps);

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public int MinCandidates => _before.MinCandidates(inner.MinCandidates);

    /// <inheritdoc/>
    public bool UsesPivot => _before.UsesPivot;

    /// <summary>How many threads compute distances; the result does not depend on it. 1 allocates nothing.</summary>
    internal int Degree { get; init; } = 1;

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

        int rows = _before.CountAfter(m);
        using Scratch<double> squared = Scratch<double>.Rent(m * m);
        using Scratch<double> matrix = Scratch<double>.Rent(m * m);
        using Scratch<int> members = Scratch<int>.Rent(rows * (m + 2));
        using Scratch<float> shares = Scratch<float>.Rent(rows);
        int own = PivotIndex.Find(pivot, candidates);
        SquaredDistance.Fill(candidates, own, _before.UsesAllPairs, squared.Array, Degree);
        trace?.Set(squared.Span.Slice(own * m, m), matrix.Span[..m]);
        _before.Run(squared.Span, own, matrix.Span, m);
        shares.Span.Clear();
        ReadOnlySpan<double> mixing = matrix.Span[..(rows * m)];
        inner.Run(pivot, new MixedRows(candidates, mixing, members.Span), result, trace is null ? [] : shares.Span);
        FillShares(mixing, shares.Span, trace);
        return true;
    }

    // A candidate's share is the mean of those of the rows it is part of, weighted as it is in them.
    private static void FillShares(ReadOnlySpan<double> mixing, ReadOnlySpan<float> shares, AggregationTrace? trace)
    {
        int m = mixing.Length / shares.Length;
        for (int k = 0; trace is not null && k < m; k++)
        {
            (double sum, double whole) = (0, 0);
            for (int i = 0; i < shares.Length; i++)
            {
                sum += mixing[(i * m) + k] * shares[i];
                whole += mixing[(i * m) + k];
            }

            trace.Weights[k] = whole > 0 ? (float)(sum / whole) : 0;
        }
    }
}
