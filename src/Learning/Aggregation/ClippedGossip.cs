using System.Globalization;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Clipped gossip, also self-centred clipping: every difference to one's own vector is shortened to τ, then all are averaged.</summary>
/// <remarks>
/// Source: He, Karimireddy, Jaggi 2022 (arXiv:2202.01545), algorithm 1, on the complete graph with weights 1/m; without a given τ the practical one,
/// τ² = (1/f)·Σ of the m − f smallest squared distances (section 4 there with Byzantine weight f/m). Bound: one Byzantine candidate moves
/// the result by at most τ/m. With f = 0 and no τ it is the mean of what is finite. Cost: as <see cref="PivotRule"/> says.
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
/// <param name="tau">τ in the units of the model, above 0; null for the practical one.</param>
public sealed class ClippedGossip(int faulty, double? tau = null) : PivotRule(faulty)
{
    /// <inheritdoc/>
    public override string Name { get; } =
        tau is null ? "clipped-gossip" : string.Create(CultureInfo.InvariantCulture, $"clipped-gossip:tau={tau}");

    private protected override void Weigh(
        ReadOnlySpan<double> row, int pivot, ReadOnlySpan<long> samples, Span<double> weights)
    {
        weights.Fill(1.0 / weights.Length);
        PivotClipping.Weigh(row, pivot, tau ?? PracticalRadius(row), weights);
    }

    private double PracticalRadius(ReadOnlySpan<double> row)
    {
        if (Faulty == 0)
        {
            return double.PositiveInfinity;
        }

        using Scratch<double> sorted = Scratch<double>.Rent(row.Length);
        row.CopyTo(sorted.Span);
        sorted.Span.Sort();
        double sum = 0;
        foreach (double squared in sorted.Span[..(row.Length - Faulty)])
        {
            sum += double.IsFinite(squared) ? squared : 0;
        }

        return Math.Sqrt(sum / Faulty);
    }
}
