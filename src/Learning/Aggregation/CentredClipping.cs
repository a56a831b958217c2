using System.Globalization;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Centred clipping: from one's own vector, several steps v ← v + (1/m)·Σ clip(x_j − v, τ).</summary>
/// <remarks>
/// Source: Karimireddy, He, Jaggi, ICML 2021 (arXiv:2012.10333), algorithm 2; the start is the own vector, as MoNNA's authors run it, instead of the
/// last result. Without a given τ it is, in each step, the distance that is left when the 2f farthest are cut off, and never less than that of the
/// nearest other one, so that 2f + 1 candidates still mix; one step is then CS+.
/// Bound: f &lt; m/2, and in each step a Byzantine candidate moves v by at most τ/m. Cost: all pairs, O(m²·d), the steps on the
/// m × m distances, one pass over the candidates. Deviations: a candidate a million τ away counts as absent; and while τ is taken from the distances,
/// candidates that are as good as copies of v do not count among the nearest: f attackers that copy a node would else press its τ to 0, and keep
/// it from mixing at all. τ is then what it would be had they been far away, so they cannot raise it either.
/// </remarks>
public sealed class CentredClipping : DistanceRule
{
    /// <summary>Steps when none are given: what MoNNA's comparison uses.</summary>
    public const int DefaultSteps = 3;

    private const double Absurd = 1e6;

    /// <summary>A candidate within this share of the distance within which half of the candidates lie is as good as a copy.</summary>
    private const double CopyShare = 0.1;

    private readonly double? _tau;
    private readonly int _steps;

    /// <summary>Makes the rule.</summary>
    /// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
    /// <param name="tau">τ in the units of the model, above 0; null to take it from the distances.</param>
    /// <param name="steps">From 1.</param>
    public CentredClipping(int faulty, double? tau = null, int steps = DefaultSteps)
        : base(faulty)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        _tau = tau;
        _steps = steps;
        string[] parameters =
        [
            .. tau is null ? [] : new[] { string.Create(CultureInfo.InvariantCulture, $"tau={tau}") },
            .. steps == DefaultSteps ? [] : new[] { string.Create(CultureInfo.InvariantCulture, $"steps={steps}") },
        ];
        Name = parameters.Length == 0 ? "centred-clipping" : $"centred-clipping:{string.Join(',', parameters)}";
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>2f + 1: the honest candidates are the majority.</summary>
    public override int MinCandidates => (2 * Faulty) + 1;

    /// <inheritdoc/>
    public override bool UsesPivot => true;

    private protected override bool Weigh(ReadOnlySpan<double> squared, int pivot, Span<double> weights)
    {
        int m = weights.Length;
        using Scratch<double> distances = Scratch<double>.Rent(m);
        using Scratch<double> scratch = Scratch<double>.Rent(m);
        weights[pivot] = 1;
        for (int step = 0; step < _steps; step++)
        {
            Barycentre.SquaredDistances(squared, weights, distances.Span);
            double radius = _tau ?? Radius(distances.Span, scratch.Span);
            Move(distances.Span, radius, weights);
        }

        return true;
    }

    private double Radius(ReadOnlySpan<double> squared, Span<double> sorted)
    {
        int m = squared.Length;
        int near = Math.Max(Math.Min(2, m), m - (2 * Faulty)); // the first is v itself
        squared.CopyTo(sorted);
        sorted.Sort();
        double reference = sorted[Math.Max(near, Math.Min(Faulty + 2, m - Faulty)) - 1]; // f copies and v itself do not reach it where m > 2f + 1
        int copies = 0;
        while (copies < m && sorted[copies] <= CopyShare * CopyShare * reference)
        {
            copies++;
        }

        int rank = Math.Min(m - Faulty, Math.Max(near, copies + near - 1));
        return Math.Sqrt(sorted[rank - 1]);
    }

    private static void Move(Span<double> squared, double radius, Span<double> weights)
    {
        double moved = 0;
        foreach (ref double value in squared)
        {
            double distance = Math.Sqrt(value);
            value = distance > Absurd * radius ? 0 : PivotClipping.Factor(distance, radius) / squared.Length;
            moved += value;
        }

        for (int j = 0; j < weights.Length; j++)
        {
            weights[j] = (weights[j] * (1 - moved)) + squared[j];
        }
    }
}
