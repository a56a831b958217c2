namespace P2PLearn.Learning.Aggregation;

/// <summary>Minimum-diameter averaging: the mean of the m − f candidates whose two farthest are the nearest to each other.</summary>
/// <remarks>
/// Source: Rousseeuw 1985; El-Mhamdi et al., PODC 2020, section 4. Bound: f &lt; m/2 with a trusted server, m ≥ 6f + 1 for agreement between peers
/// (El-Mhamdi et al., NeurIPS 2021). Cost: all pairs, O(m²·d); the subset by <see cref="DiameterSearch"/>, at most 2^f·m² steps instead of one for
/// each subset; one pass over the m − f kept. Of several subsets with the least diameter the one with the least sum of squared distances is taken,
/// then the one with the lower indices. It does not look at the pivot.
/// </remarks>
public sealed class Mda : DistanceRule
{
    /// <summary>The largest f: keeps the search, which grows as 2^f, below a second.</summary>
    public const int MaxFaulty = 16;

    /// <summary>Makes the rule.</summary>
    /// <param name="faulty">f, how many candidates may be Byzantine; 0 to <see cref="MaxFaulty"/>.</param>
    public Mda(int faulty)
        : base(faulty) => ArgumentOutOfRangeException.ThrowIfGreaterThan(faulty, MaxFaulty);

    /// <inheritdoc/>
    public override string Name => "mda";

    /// <summary>2f + 1: the honest candidates are the majority.</summary>
    public override int MinCandidates => (2 * Faulty) + 1;

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        using Scratch<int> removed = Scratch<int>.Rent(m);
        using Scratch<bool> kept = Scratch<bool>.Rent(m);
        var search = new DiameterSearch(squared, removed.Span, kept.Span);
        if (!double.IsFinite(search.Run(Faulty)))
        {
            return false;
        }

        for (int i = 0; i < m; i++)
        {
            weights[i] = kept.Span[i] ? 1.0 / (m - Faulty) : 0;
        }

        return true;
    }
}
