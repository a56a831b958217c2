namespace P2PLearn.Learning.Aggregation;

/// <summary>Nearest-neighbour mixing: each candidate becomes the mean of the m − f candidates nearest to it, itself included.</summary>
/// <remarks>
/// Source: Allouah et al., AISTATS 2023 (arXiv:2302.01772), algorithm 2: it gives any standard rule after it an error of O(f/m), f &lt; m/2.
/// Cost: all pairs, O(m²·d); before a rule that looks at distances nothing more, before a coordinate-wise one m·(m − f) additions a coordinate
/// in cache. Equal distances go to the lower index. A candidate at ∞ joins no mixture; one that is not finite stays as it is, for the rule to drop.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class Nnm(int faulty) : IPreAggregator
{
    private readonly int _faulty = faulty >= 0 ? faulty : throw new ArgumentOutOfRangeException(nameof(faulty));

    /// <inheritdoc/>
    public string Name => "nnm";

    /// <inheritdoc/>
    public bool UsesPivot => false;

    /// <inheritdoc/>
    public bool KeepsRows => true;

    /// <inheritdoc/>
    public bool UsesAllPairs => true;

    /// <inheritdoc/>
    public int CountAfter(int candidates) => candidates;

    /// <inheritdoc/>
    public int MinCandidates(int needed) => Math.Max(needed, (2 * _faulty) + 1);

    /// <inheritdoc/>
    public void Mix(ReadOnlySpan<double> squared, int pivot, Span<double> matrix)
    {
        int m = (int)Math.Sqrt(squared.Length);
        using Scratch<int> order = Scratch<int>.Rent(m);
        for (int i = 0; i < m; i++)
        {
            Span<double> row = matrix.Slice(i * m, m);
            Span<int> kept = Nna.SelectNearest(squared.Slice(i * m, m), m - _faulty, order.Span);
            row[i] = kept.IsEmpty ? 1 : 0;
            foreach (int k in kept)
            {
                row[k] = 1.0 / kept.Length;
            }
        }
    }
}
