using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>Every node a random part, disjoint and of equal size.</summary>
public sealed class IidPartitioner : IPartitioner
{
    /// <inheritdoc/>
    public string Name => "iid";

    /// <inheritdoc/>
    public int[][] Partition(LabelledExamples data, int nodeCount, ulong seed)
    {
        Partitioners.Check(data, nodeCount);
        int[] order = [.. Enumerable.Range(0, data.Count)];
        new SeededRandom(seed).Shuffle<int>(order);
        return Partitioners.Cut(order, nodeCount);
    }
}
