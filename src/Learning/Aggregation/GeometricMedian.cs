namespace P2PLearn.Learning.Aggregation;

/// <summary>Geometric median: the point with the least sum of distances to the candidates, by the smoothed Weiszfeld iteration.</summary>
/// <remarks>
/// Source: Weiszfeld 1937; as an aggregator Chen et al. 2017 and Pillutla et al. 2022 (RFA), whose smoothing this is: a distance below ν
/// counts as ν. Breakdown: f &lt; m/2. Cost: all pairs, O(m²·d); the iterations run on the m × m distances, O(m²) each, at most 200; one
/// pass over the candidates. It does not look at the pivot, and a fixed number of sums in index order makes it repeat exactly.
/// Deviation: the start is the mean of the smallest ball with m − f candidates instead of 0 or the plain mean, ν is a thousandth of its radius,
/// and candidates a million radii away are left out (their pull would be one candidate's, in a direction they choose).
/// </remarks>
/// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
public sealed class GeometricMedian(int faulty) : DistanceRule(faulty)
{
    private const int MaxIterations = 200;
    private const double Smoothing = 1e-3;
    private const double Converged = 1e-9;

    /// <inheritdoc/>
    public override string Name => "geometric-median";

    /// <summary>2f + 1: the honest candidates are the majority.</summary>
    public override int MinCandidates => (2 * Faulty) + 1;

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        (int centre, double radius) = Ranking.RobustCentre(squared, m, m - Faulty);
        ReadOnlySpan<double> near = squared.Slice(centre * m, m);
        if (!double.IsFinite(radius))
        {
            return false;
        }

        for (int i = 0; i < m; i++)
        {
            weights[i] = near[i] <= radius ? 1 : 0;
        }

        Normalize(weights);
        using Scratch<double> distances = Scratch<double>.Rent(m);
        double smoothing = Smoothing * Math.Sqrt(radius);
        double change = radius > 0 ? 1 : 0;
        for (int i = 0; i < MaxIterations && change > Converged; i++)
        {
            Barycentre.SquaredDistances(squared, weights, distances.Span);
            change = Step(near, radius, smoothing, distances.Span, weights);
        }

        return true;
    }

    // Replaces the distances by the next weights, then the weights; returns the largest change.
    private static double Step(
        ReadOnlySpan<double> near, double radius, double smoothing, Span<double> distances, Span<double> weights)
    {
        for (int i = 0; i < weights.Length; i++)
        {
            bool absurd = near[i] > Ranking.AbsurdSquared * radius;
            distances[i] = absurd ? 0 : 1 / Math.Max(smoothing, Math.Sqrt(distances[i]));
        }

        Normalize(distances);
        double change = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            change = Math.Max(change, Math.Abs(distances[i] - weights[i]));
            weights[i] = distances[i];
        }

        return change;
    }

    private static void Normalize(Span<double> weights)
    {
        double sum = 0;
        foreach (double weight in weights)
        {
            sum += weight;
        }

        foreach (ref double weight in weights)
        {
            weight /= sum;
        }
    }
}
