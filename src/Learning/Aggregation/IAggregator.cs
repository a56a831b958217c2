namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule that makes one vector of m received ones.</summary>
/// <remarks>
/// Stateless and deterministic: the same inputs in the same order give the same bits, so that anyone holding the contributions and the
/// pivot re-creates the result. Candidates come ordered by peer id.
/// </remarks>
public interface IAggregator
{
    /// <summary>The name in the registry: "nna", "mean", "trimmed-mean".</summary>
    string Name { get; }

    /// <summary>The fewest candidates the rule works with, for its declared f.</summary>
    int MinCandidates { get; }

    /// <summary>Whether the result depends on whose pivot it is; if not, all who hold the same candidates get the same result.</summary>
    bool UsesPivot => true;

    /// <summary>Writes the aggregate of the candidates.</summary>
    /// <param name="pivot">This node's own vector, shape [d], finite.</param>
    /// <param name="candidates">m vectors of shape [d], the pivot among them; NaN and ∞ are allowed, and never reach the result of a robust rule.</param>
    /// <param name="result">Shape [d]; must not overlap an input.</param>
    /// <param name="trace">Filled with what the rule did with each candidate, when not null.</param>
    /// <returns>False, with <paramref name="result"/> untouched, when m is below <see cref="MinCandidates"/>.</returns>
    /// <exception cref="ArgumentException">Shapes differ: the codec should have refused them.</exception>
    bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace);
}
