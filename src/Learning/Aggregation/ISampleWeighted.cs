namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule that can take into account how many samples stand behind each candidate.</summary>
public interface ISampleWeighted : IAggregator
{
    /// <summary>As <see cref="IAggregator.TryAggregate"/>, with counts; without them all count the same.</summary>
    /// <param name="pivot">This node's own vector, shape [d], finite.</param>
    /// <param name="candidates">m vectors of shape [d], the pivot among them; NaN and ∞ are allowed.</param>
    /// <param name="samples">Shape [m]: what each candidate's sender claims, so any number; below 1 counts as 0.</param>
    /// <param name="result">Shape [d]; must not overlap an input.</param>
    /// <param name="trace">Filled with what the rule did with each candidate, when not null.</param>
    /// <returns>False, with <paramref name="result"/> untouched, when m is below <see cref="IAggregator.MinCandidates"/>.</returns>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<long> samples,
        Span<float> result, AggregationTrace? trace);

    /// <summary>The rule for rounds in which the counts are known beforehand, so that it can be probed and computed on distances alone.</summary>
    /// <param name="samples">As above, for each candidate in order; not copied.</param>
    IDistanceRule WithSamples(IReadOnlyList<long> samples);
}
