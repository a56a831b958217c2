namespace P2PLearn.Learning.Aggregation;

/// <summary>Pre-aggregators before a rule that looks at distances: all of it happens on m × m numbers, then the candidates are combined once.</summary>
internal sealed class PreAggregatedDistanceRule(string name, IReadOnlyList<IPreAggregator> steps, IDistanceRule inner, int faulty)
    : DistanceRule(faulty)
{
    private readonly PreAggregation _before = new(steps);

    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override int MinCandidates => _before.MinCandidates(inner.MinCandidates);

    /// <inheritdoc/>
    public override bool UsesPivot => inner.UsesPivot || _before.UsesPivot;

    /// <inheritdoc/>
    public override bool UsesAllPairs => inner.UsesAllPairs || _before.UsesAllPairs;

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        int rows = _before.CountAfter(m);
        using Scratch<double> distances = Scratch<double>.Rent(m * m);
        using Scratch<double> matrix = Scratch<double>.Rent(m * m);
        using Scratch<double> shares = Scratch<double>.Rent(rows);
        squared.CopyTo(distances.Span);
        int own = _before.Run(distances.Span, pivot, matrix.Span, m);
        if (!inner.TryWeigh(distances.Span[..(rows * rows)], own, shares.Span))
        {
            return false;
        }

        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < m && shares.Span[i] != 0; k++)
            {
                weights[k] += shares.Span[i] * matrix.Span[(i * m) + k];
            }
        }

        return IsFinite(squared, weights);
    }

    // A rule without a defence may keep a row that is not finite, as the mean does: it must not poison the result of the chain.
    private static bool IsFinite(ReadOnlySpan<double> squared, ReadOnlySpan<double> weights)
    {
        for (int k = 0; k < weights.Length; k++)
        {
            if (weights[k] != 0 && !double.IsFinite(squared[(k * weights.Length) + k]))
            {
                return false;
            }
        }

        return true;
    }
}
