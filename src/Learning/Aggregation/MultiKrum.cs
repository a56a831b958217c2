namespace P2PLearn.Learning.Aggregation;

/// <summary>Multi-Krum: the mean of the m − f candidates with the least Krum scores.</summary>
/// <remarks>
/// Source: Blanchard et al., NeurIPS 2017, section 4; how many to average is left open there, m − f is ByzFL's choice. Bound: 2f + 2 &lt; m.
/// Cost: as <see cref="Krum"/>, and one pass over the m − f kept. Equal scores go to the lower index; it does not look at the pivot.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class MultiKrum(int faulty) : DistanceRule(faulty)
{
    /// <inheritdoc/>
    public override string Name => "multi-krum";

    /// <summary>2f + 3, as for Krum.</summary>
    public override int MinCandidates => (2 * Faulty) + 3;

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        using Scratch<double> scores = Scratch<double>.Rent(m);
        using Scratch<int> order = Scratch<int>.Rent(m);
        Krum.Score(squared, Faulty, scores.Span);
        Span<int> kept = Nna.SelectNearest(scores.Span, m - Faulty, order.Span);
        foreach (int index in kept)
        {
            weights[index] = 1.0 / kept.Length;
        }

        return !kept.IsEmpty;
    }
}
