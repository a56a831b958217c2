using System.Globalization;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Static clipping: candidates farther than C from the pivot are pulled in to the distance C.</summary>
/// <remarks>
/// Source: as a step before a rule in Allouah et al., ICLR 2025 (arXiv:2405.14432), section 3, which shows where a constant C fails. It has no bound of its
/// own: it limits what one candidate does to the rule after it. Cost: one row of distances. Deviation: around the pivot instead of 0; a candidate
/// that is not finite, or that would be shrunk by more than a million, becomes the pivot.
/// </remarks>
/// <param name="radius">C in the units of the model, above 0.</param>
public sealed class Clipping(double radius) : IPreAggregator
{
    private const double Absurd = 1e-6;
    private readonly double _radius = radius > 0 ? radius : throw new ArgumentOutOfRangeException(nameof(radius));

    /// <inheritdoc/>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"clipping:{radius}");

    /// <inheritdoc/>
    public bool UsesPivot => true;

    /// <inheritdoc/>
    public bool KeepsRows => true;

    /// <inheritdoc/>
    public bool UsesAllPairs => false;

    /// <inheritdoc/>
    public int CountAfter(int candidates) => candidates;

    /// <inheritdoc/>
    public int MinCandidates(int needed) => needed;

    /// <inheritdoc/>
    public void Mix(ReadOnlySpan<double> squared, int pivot, Span<double> matrix)
    {
        int m = (int)Math.Sqrt(squared.Length);
        Mix(squared.Slice(pivot * m, m), pivot, _radius, matrix);
    }

    /// <summary>Rows p + c·(x_i − p), c = min(1, C / distance).</summary>
    /// <param name="row">Squared distances to the pivot, shape [m].</param>
    /// <param name="pivot">In [0, m).</param>
    /// <param name="radius">C, at least 0.</param>
    /// <param name="matrix">Shape [m, m], all 0.</param>
    internal static void Mix(ReadOnlySpan<double> row, int pivot, double radius, Span<double> matrix)
    {
        int m = row.Length;
        for (int i = 0; i < m; i++)
        {
            double factor = PivotClipping.Factor(Math.Sqrt(row[i]), radius);
            factor = factor < Absurd ? 0 : factor; // so little of it that no digit would be right
            matrix[(i * m) + pivot] = 1 - factor;
            matrix[(i * m) + i] += factor;
        }
    }
}
