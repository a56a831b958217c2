namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule by sample counts, with the counts.</summary>
/// <param name="rule">Looks at them.</param>
/// <param name="samples">One for each candidate.</param>
internal sealed class SampleBoundRule(SizeAwareMean rule, long[] samples) : IDistanceRule
{
    /// <inheritdoc/>
    public string Name => rule.Name;

    /// <inheritdoc/>
    public int MinCandidates => rule.MinCandidates;

    /// <inheritdoc/>
    public bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace) =>
        rule.TryAggregate(pivot, candidates, samples, result, trace);

    /// <inheritdoc/>
    public bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, Span<double> weights) =>
        rule.TryWeigh(squaredDistances, pivot, samples, weights);
}
