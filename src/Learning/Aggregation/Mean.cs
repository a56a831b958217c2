using System.Buffers;

namespace P2PLearn.Learning.Aggregation;

/// <summary>The plain mean of all candidates: decentralized SGD without a defence, the control of every experiment.</summary>
/// <remarks>
/// Source: Lian et al., NeurIPS 2017 (D-PSGD), on the complete graph. Cost: one pass over m·d floats. Not robust: one candidate may put
/// the result anywhere, and NaN or ∞ reach it.
/// </remarks>
public sealed class Mean : IDistanceRule
{
    /// <inheritdoc/>
    public string Name => "mean";

    /// <inheritdoc/>
    public int MinCandidates => 1;

    /// <inheritdoc/>
    public bool UsesPivot => false;

    /// <inheritdoc/>
    public bool UsesAllPairs => false;

    /// <inheritdoc/>
    public bool TryAggregate(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<float> result, AggregationTrace? trace)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, pivot.Length);
        int m = candidates.Count;
        if (m < MinCandidates)
        {
            return false;
        }

        int[] all = ArrayPool<int>.Shared.Rent(m);
        for (int i = 0; i < m; i++)
        {
            all[i] = i;
        }

        CandidateMean.OfKept(candidates, all.AsSpan(0, m), result);
        ArrayPool<int>.Shared.Return(all);
        if (trace is not null)
        {
            trace.Reset(m);
            trace.SetDistances(pivot, candidates);
            trace.Weights.AsSpan().Fill(1f / m);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, Span<double> weights)
    {
        if (weights.Length < MinCandidates)
        {
            return false;
        }

        weights.Fill(1.0 / weights.Length);
        return true;
    }
}
