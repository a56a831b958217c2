using System.Globalization;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>The partitioners by the names that a configuration uses.</summary>
public static class Partitioners
{
    private const string DirichletPrefix = "dirichlet:";

    /// <summary>Reads "iid", "dirichlet:ALPHA" or "sorted".</summary>
    /// <exception cref="ArgumentException">Anything else, in one line for the user.</exception>
    public static IPartitioner Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "iid")
        {
            return new IidPartitioner();
        }

        if (text == "sorted")
        {
            return new SortedPartitioner();
        }

        if (!text.StartsWith(DirichletPrefix, StringComparison.Ordinal))
        {
            throw new ArgumentException($"unknown partition '{text}': use iid, dirichlet:ALPHA or sorted");
        }

        string alpha = text[DirichletPrefix.Length..];
        return double.TryParse(alpha, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && double.IsFinite(value) && value > 0
            ? new DirichletPartitioner(value)
            : throw new ArgumentException($"partition 'dirichlet:{alpha}': ALPHA must be a positive number");
    }

    internal static void Check(LabelledImages data, int nodeCount)
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
