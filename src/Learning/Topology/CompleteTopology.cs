namespace P2PLearn.Learning.Topology;

/// <summary>Everybody hears everybody.</summary>
/// <param name="nodes">n, at least 1.</param>
public sealed class CompleteTopology(int nodes) : ITopology
{
    /// <inheritdoc/>
    public string Name => Topologies.All;

    /// <inheritdoc/>
    public bool IsSymmetric => true;

    /// <inheritdoc/>
    public bool IsPushed => false;

    /// <inheritdoc/>
    public bool IsPulled => false;

    /// <inheritdoc/>
    public int Degree => nodes - 1;

    /// <inheritdoc/>
    public IReadOnlyList<int> Sources(int round, int node) => [.. Enumerable.Range(0, nodes).Where(i => i != node)];

    /// <summary>f itself.</summary>
    public int FaultySources(int byzantine, int rounds) => byzantine;
}
