using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>Shares a training set out among nodes.</summary>
/// <remarks>Pure: the same data, number of nodes and seed give the same shares at every node, so that nobody has to be told its share.</remarks>
public interface IPartitioner
{
    /// <summary>As in a configuration: "iid", "dirichlet:0.1", "sorted".</summary>
    string Name { get; }

    /// <summary>The shares.</summary>
    /// <param name="data">The whole training set.</param>
    /// <param name="nodeCount">Number of nodes; at least 1.</param>
    /// <param name="seed">Of the run.</param>
    /// <returns>For each node the indices of its images; none is empty.</returns>
    /// <exception cref="ArgumentException">Fewer images than nodes.</exception>
    int[][] Partition(LabelledExamples data, int nodeCount, ulong seed);
}
