using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>Sorted by label and cut into shards of equal size: every node sees one or two classes, the harshest split.</summary>
public sealed class SortedPartitioner : IPartitioner
{
    /// <inheritdoc/>
    public string Name => "sorted";

    /// <summary>The shares; the seed makes no difference.</summary>
    /// <inheritdoc/>
    public int[][] Partition(LabelledExamples data, int nodeCount, ulong seed)
    {
        Partitioners.Check(data, nodeCount);
        byte[] labels = data.Labels.ToArray();
        int[] order = [.. Enumerable.Range(0, data.Count).OrderBy(i => labels[i])];
        return Partitioners.Cut(order, nodeCount);
    }
}
