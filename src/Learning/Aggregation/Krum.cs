namespace P2PLearn.Learning.Aggregation;

/// <summary>Krum: the one candidate with the least sum of squared distances to its m − f − 2 nearest others.</summary>
/// <remarks>
/// Source: Blanchard et al., NeurIPS 2017, section 4. Bound: 2f + 2 &lt; m. Cost: all pairs, O(m²·d), then O(m² log m); one vector is copied.
/// Equal scores go to the lower index; it does not look at the pivot. ByzFL counts m − f − 1 neighbours; this is the paper's number.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class Krum(int faulty) : DistanceRule(faulty)
{
    /// <inheritdoc/>
    public override string Name => "krum";

    /// <summary>2f + 3: every candidate needs a neighbour that is honest.</summary>
    public override int MinCandidates => (2 * Faulty) + 3;

    /// <summary>Sum of the m − f − 2 smallest squared distances from each candidate to others.</summary>
    /// <param name="squared">Shape [m, m].</param>
    /// <param name="faulty">f, at most m − 3.</param>
    /// <param name="scores">Shape [m]; ∞ for a candidate that is not finite.</param>
    internal static void Score(ReadOnlySpan<double> squared, int faulty, Span<double> scores)
    {
        int m = scores.Length;
        using Scratch<double> scratch = Scratch<double>.Rent(m);
        for (int i = 0; i < m; i++)
        {
            squared.Slice(i * m, m).CopyTo(scratch.Span);
            scratch.Span[i] = double.PositiveInfinity; // itself
            scratch.Span.Sort();
            scores[i] = 0;
            foreach (double distance in scratch.Span[..(m - faulty - 2)])
            {
                scores[i] += distance;
            }
        }
    }

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        using Scratch<double> scores = Scratch<double>.Rent(weights.Length);
        Score(squared, Faulty, scores.Span);
        int best = 0;
        for (int i = 1; i < weights.Length; i++)
        {
            best = scores.Span[i] < scores.Span[best] ? i : best;
        }

        weights[best] = 1;
        return double.IsFinite(scores.Span[best]);
    }
}
