namespace P2PLearn.Node.Demo;

/// <summary>What the demo runs.</summary>
public sealed record DemoOptions
{
    /// <summary>Node processes, attackers included; in [2, 32].</summary>
    public int Nodes { get; init; } = 8;

    /// <summary>How many of them attack; at least 0, and honest nodes must remain.</summary>
    public int Attackers { get; init; } = 2;

    /// <summary>How they attack: alie, foe, sign-flip, label-flip or nan.</summary>
    public string Attack { get; init; } = "alie";

    /// <summary>The mixing rule: nna, mean or trimmed-mean.</summary>
    public string Aggregator { get; init; } = "nna";

    /// <summary>The model: mlp, cnn or logistic.</summary>
    public string Model { get; init; } = "mlp";

    /// <summary>How the training images are dealt out among the honest nodes.</summary>
    public string Partition { get; init; } = "dirichlet:1";

    /// <summary>Gradients each node computes.</summary>
    public int Gradients { get; init; } = 600;

    /// <summary>Local steps between two mixings.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>Seed of the first model, the deal and the order of the images.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Folder of the four MNIST files.</summary>
    public string Mnist { get; init; } = Path.Combine("data", "mnist");

    /// <summary>Where the nodes' data directories go and stay; null = a temporary folder that is deleted.</summary>
    public string? Keep { get; init; }
}
