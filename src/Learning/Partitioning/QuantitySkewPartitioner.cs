using System.Globalization;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>The same mixture of classes everywhere, but not the same amount: the nodes' shares of the data are q ~ Dir(α).</summary>
/// <remarks>
/// Source: Li, Diao, Chen and He, ICDE 2022 (arXiv:2102.02079), section 4.3, "Quantity Skew". Disjoint; every example goes to one node. Every node
/// has at least one example, taken off those that q would give away.
/// </remarks>
/// <param name="alpha">α, positive: small is harsh, large is like iid.</param>
public sealed class QuantitySkewPartitioner(double alpha) : IPartitioner
{
    private readonly double _alpha = alpha > 0 && double.IsFinite(alpha)
        ? alpha
        : throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "must be positive and finite");

    /// <inheritdoc/>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"quantity-skew:{alpha}");

    /// <inheritdoc/>
    public int[][] Partition(LabelledExamples data, int nodeCount, ulong seed)
    {
        Partitioners.Check(data, nodeCount);
        var random = new SeededRandom(seed);
        double[] shares = DirichletDraw.Symmetric(_alpha, nodeCount, random);
        int[] order = [.. Enumerable.Range(0, data.Count)];
        random.Shuffle<int>(order);
        var parts = new int[nodeCount][];
        double sum = 0;
        int start = 0;
        for (int node = 0; node < nodeCount; node++)
        {
            // Cuts of the cumulated shares, so that roundings do not add up; one example for each node beside them.
            sum += shares[node];
            int end = node == nodeCount - 1 ? data.Count : node + 1 + (int)(Math.Min(1, sum) * (data.Count - nodeCount));
            parts[node] = order[start..end];
            start = end;
        }

        return parts;
    }
}
