using System.Buffers;

namespace P2PLearn.Learning.Aggregation;

/// <summary>What a rule did with each candidate; reused from round to round.</summary>
public sealed class AggregationTrace
{
    /// <summary>Euclidean distance of each candidate to the pivot, shape [m]; ∞ for a vector that is not finite.</summary>
    public float[] Distances { get; private set; } = [];

    /// <summary>Share of each candidate in the result, shape [m], in [0, 1]; 0 = rejected. Coordinate-wise rules give the share of coordinates.</summary>
    public float[] Weights { get; private set; } = [];

    /// <summary>Makes room for m candidates and clears.</summary>
    public void Reset(int candidateCount)
    {
        Distances = Distances.Length == candidateCount ? Distances : new float[candidateCount];
        Weights = Weights.Length == candidateCount ? Weights : new float[candidateCount];
        Array.Clear(Distances);
        Array.Clear(Weights);
    }

    /// <summary>Fills everything.</summary>
    /// <param name="squared">Squared distances to the pivot, shape [m].</param>
    /// <param name="weights">Shape [m].</param>
    internal void Set(ReadOnlySpan<double> squared, ReadOnlySpan<double> weights)
    {
        Reset(squared.Length);
        for (int i = 0; i < squared.Length; i++)
        {
            Distances[i] = (float)Math.Sqrt(squared[i]);
            Weights[i] = (float)weights[i];
        }
    }

    /// <summary>Fills the distances, for rules that do not need them themselves.</summary>
    /// <param name="pivot">Shape [d].</param>
    /// <param name="candidates">m vectors of shape [d], m as given to <see cref="Reset"/>.</param>
    internal void SetDistances(ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates)
    {
        double[] squared = ArrayPool<double>.Shared.Rent(candidates.Count);
        SquaredDistance.FromPivot(pivot, candidates, squared);
        for (int i = 0; i < candidates.Count; i++)
        {
            Distances[i] = (float)Math.Sqrt(squared[i]);
        }

        ArrayPool<double>.Shared.Return(squared);
    }
}
