namespace P2PLearn.Learning.Aggregation;

/// <summary>Adaptive robust clipping: the k candidates farthest from the pivot are pulled in to the distance of the next one, k = ⌊2f(m − f)/m⌋.</summary>
/// <remarks>
/// Source: Allouah et al., ICLR 2025 (arXiv:2405.14432), algorithm 2; it keeps the robustness of the rule after it, f &lt; m/2. Cost: one row of
/// distances. Deviation: clipped around the pivot instead of 0, as models, not gradients, are mixed; a candidate that is not finite, or that would be
/// shrunk by more than a million, becomes the pivot.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class Arc(int faulty) : IPreAggregator
{
    private readonly int _faulty = faulty >= 0 ? faulty : throw new ArgumentOutOfRangeException(nameof(faulty));

    /// <inheritdoc/>
    public string Name => "arc";

    /// <inheritdoc/>
    public bool UsesPivot => true;

    /// <inheritdoc/>
    public bool KeepsRows => true;

    /// <inheritdoc/>
    public bool UsesAllPairs => false;

    /// <inheritdoc/>
    public int CountAfter(int candidates) => candidates;

    /// <inheritdoc/>
    public int MinCandidates(int needed) => Math.Max(needed, (2 * _faulty) + 1);

    /// <inheritdoc/>
    public void Mix(ReadOnlySpan<double> squared, int pivot, Span<double> matrix)
    {
        int m = (int)Math.Sqrt(squared.Length);
        int clipped = (int)(2L * _faulty * (m - _faulty) / m);
        ReadOnlySpan<double> row = squared.Slice(pivot * m, m);
        using Scratch<double> scratch = Scratch<double>.Rent(m);
        double radius = Ranking.KthSmallest(row, m - clipped, scratch.Span);
        Clipping.Mix(row, pivot, Math.Sqrt(radius), matrix);
    }
}
