using System.Globalization;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>Sorted by label, cut into K shards a node, and K of them dealt to each: most nodes see at most K classes or little more.</summary>
/// <remarks>Source: McMahan et al., AISTATS 2017 (arXiv:1602.05629), section 3, "Pathological Non-IID", where K is 2.</remarks>
/// <param name="shardsPerNode">K, at least 1.</param>
public sealed class ShardsPartitioner(int shardsPerNode) : IPartitioner
{
    private readonly int _shardsPerNode = shardsPerNode >= 1
        ? shardsPerNode
        : throw new ArgumentOutOfRangeException(nameof(shardsPerNode), shardsPerNode, "must be at least 1");

    /// <inheritdoc/>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"shards:{shardsPerNode}");

    /// <inheritdoc/>
    public int[][] Partition(LabelledExamples data, int nodeCount, ulong seed)
    {
        Partitioners.Check(data, nodeCount);
        long shardCount = (long)nodeCount * _shardsPerNode;
        if (shardCount > data.Count)
        {
            throw new ArgumentException($"{data.Count} examples cannot be cut into {shardCount} shards, {_shardsPerNode} for each of {nodeCount} nodes");
        }

        byte[] labels = data.Labels.ToArray();
        int[] order = [.. Enumerable.Range(0, data.Count).OrderBy(i => labels[i])];
        int[][] shards = Partitioners.Cut(order, (int)shardCount);
        new SeededRandom(seed).Shuffle<int[]>(shards);
        return [.. shards.Chunk(_shardsPerNode).Select(own => own.SelectMany(shard => shard).ToArray())];
    }
}
