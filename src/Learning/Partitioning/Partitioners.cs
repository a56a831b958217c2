using System.Globalization;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>The partitioners by the names that a configuration uses.</summary>
public static class Partitioners
{
    private const string Forms = "iid, dirichlet:ALPHA, sorted, shards:K, quantity-skew:ALPHA or embedding:ALPHA";

    /// <summary>Reads "iid", "sorted", "dirichlet:ALPHA", "quantity-skew:ALPHA", "embedding:ALPHA" or "shards:K".</summary>
    /// <exception cref="ArgumentException">Anything else, in one line for the user.</exception>
    public static IPartitioner Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return (colon < 0 ? text : text[..(colon + 1)]) switch
        {
            "iid" => new IidPartitioner(),
            "sorted" => new SortedPartitioner(),
            "dirichlet:" => new DirichletPartitioner(Alpha(text, colon)),
            "quantity-skew:" => new QuantitySkewPartitioner(Alpha(text, colon)),
            "embedding:" => new EmbeddingPartitioner(Alpha(text, colon)),
            "shards:" => new ShardsPartitioner(ShardCount(text, colon)),
            _ => throw new ArgumentException($"unknown partition '{text}': use {Forms}"),
        };
    }

    private static double Alpha(string text, int colon) =>
        double.TryParse(text.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && double.IsFinite(value) && value > 0
            ? value
            : throw new ArgumentException($"partition '{text}': ALPHA must be a positive number");

    private static int ShardCount(string text, int colon) =>
        int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
            ? value
            : throw new ArgumentException($"partition '{text}': K must be a whole number of at least 1");

    internal static void Check(LabelledExamples data, int nodeCount)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nodeCount);
        if (data.Count < nodeCount)
        {
            throw new ArgumentException($"{data.Count} images cannot be shared among {nodeCount} nodes");
        }
    }

    /// <summary>Cuts an order into parts that differ by at most one.</summary>
    internal static int[][] Cut(int[] order, int nodeCount)
    {
        var shares = new int[nodeCount][];
        for (int i = 0; i < nodeCount; i++)
        {
            int start = (int)((long)order.Length * i / nodeCount);
            int end = (int)((long)order.Length * (i + 1) / nodeCount);
            shares[i] = order[start..end];
        }

        return shares;
    }
}
