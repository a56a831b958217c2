using System.Globalization;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Mixing by sample counts that neither trusts the counts nor votes anyone out: bounded weights, differences clipped around the own vector.</summary>
/// <remarks>
/// Source: federated averaging's weights (McMahan et al., AISTATS 2017) with the clipping of He et al. 2022 (arXiv:2202.01545); the bounds are this
/// project's. w_j ∝ min(n_j, cap·median of the counts); τ = clip·(lower median of the distances of the others to the pivot).
/// Bound: f &lt; m/2 keeps τ within clip honest distances; a candidate moves the result by at most w_j·τ whatever it sends, and w_j is at most
/// cap·median / Σ whatever it claims. A candidate that is far is clipped, never dropped. Cost: as <see cref="PivotRule"/> says.
/// </remarks>
public sealed class SizeAwareMean : PivotRule, ISampleWeighted
{
    /// <summary>Median counts that one candidate's count is worth at most, when nothing else is given.</summary>
    public const double DefaultCap = 3;

    /// <summary>Median distances that a difference may have, when nothing else is given. With 2, FOE takes f = 2 of 11 nodes apart (docs/learning.md).</summary>
    public const double DefaultClip = 1;

    private readonly double _cap;
    private readonly double _clip;

    /// <summary>Makes the rule.</summary>
    /// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
    /// <param name="cap">At least 1.</param>
    /// <param name="clip">Above 0.</param>
    public SizeAwareMean(int faulty, double cap = DefaultCap, double clip = DefaultClip)
        : base(faulty)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cap, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(clip);
        _cap = cap;
        _clip = clip;
        string[] parameters =
        [
            .. cap == DefaultCap ? [] : new[] { string.Create(CultureInfo.InvariantCulture, $"cap={cap}") },
            .. clip == DefaultClip ? [] : new[] { string.Create(CultureInfo.InvariantCulture, $"clip={clip}") },
        ];
        Name = parameters.Length == 0 ? "size-aware-mean" : $"size-aware-mean:{string.Join(',', parameters)}";
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public new bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<long> samples,
        Span<float> result, AggregationTrace? trace)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentOutOfRangeException.ThrowIfNotEqual(samples.Length, candidates.Count);
        return base.TryAggregate(pivot, candidates, samples, result, trace);
    }

    /// <inheritdoc/>
    public IDistanceRule WithSamples(IReadOnlyList<long> samples) => new SampleBoundRule(this, [.. samples]);

    /// <summary>The weights, on distances.</summary>
    internal new bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, ReadOnlySpan<long> samples, Span<double> weights)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(samples.Length, weights.Length);
        return base.TryWeigh(squaredDistances, pivot, samples, weights);
    }

    private protected override void Weigh(
        ReadOnlySpan<double> row, int pivot, ReadOnlySpan<long> samples, Span<double> weights)
    {
        FillShares(samples, weights);
        PivotClipping.Weigh(row, pivot, Radius(row, pivot), weights);
    }

    private double Radius(ReadOnlySpan<double> row, int pivot)
    {
        int others = row.Length - 1;
        if (others == 0)
        {
            return 0;
        }

        using Scratch<double> sorted = Scratch<double>.Rent(row.Length);
        row.CopyTo(sorted.Span);
        sorted.Span[pivot] = -1; // the pivot sorts first
        sorted.Span.Sort();
        return _clip * Math.Sqrt(sorted.Span[1 + ((others - 1) / 2)]);
    }

    private void FillShares(ReadOnlySpan<long> samples, Span<double> shares)
    {
        shares.Fill(1.0 / shares.Length);
        long median = MedianOfPositive(samples);
        if (median == 0)
        {
            return; // no counts, or none that says anything
        }

        double sum = 0;
        for (int j = 0; j < shares.Length; j++)
        {
            shares[j] = Math.Min(Math.Max(0, samples[j]), _cap * median);
            sum += shares[j];
        }

        foreach (ref double share in shares)
        {
            share /= sum;
        }
    }

    private static long MedianOfPositive(ReadOnlySpan<long> samples)
    {
        using Scratch<long> sorted = Scratch<long>.Rent(samples.Length);
        int count = 0;
        foreach (long value in samples)
        {
            if (value > 0)
            {
                sorted.Array[count++] = value;
            }
        }

        sorted.Array.AsSpan(0, count).Sort();
        return count == 0 ? 0 : sorted.Array[(count - 1) / 2];
    }
}
