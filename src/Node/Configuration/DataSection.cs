namespace P2PLearn.Node.Configuration;

/// <summary>What this node trains on. The data never leaves it.</summary>
public sealed record DataSection
{
    /// <summary>Kind, place and options, e.g. <c>mnist:data/mnist</c> or <c>csv:iris.csv?label=species</c>.</summary>
    public string Source { get; init; } = "mnist:data/mnist";

    /// <summary>How the examples are dealt out among <see cref="Shares"/> nodes: <c>iid</c>, <c>dirichlet:ALPHA</c>, <c>sorted</c> and others.</summary>
    public string Partition { get; init; } = "iid";

    /// <summary>This node's share, in [0, <see cref="Shares"/>).</summary>
    public int Share { get; init; }

    /// <summary>Number of shares, at least 1; 1 = all examples are this node's.</summary>
    public int Shares { get; init; } = 1;

    /// <summary>Seed of the deal; the same on all nodes that share one data set.</summary>
    public ulong Seed { get; init; } = 1;
}
