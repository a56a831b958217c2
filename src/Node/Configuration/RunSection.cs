namespace P2PLearn.Node.Configuration;

/// <summary>What the mesh trains. All nodes of a run have the same values: the run's id is their hash.</summary>
public sealed record RunSection
{
    /// <summary>The model: <c>mlp</c>, <c>cnn</c> or <c>logistic</c>.</summary>
    public string Model { get; init; } = "mlp";

    /// <summary>The mixing rule: <c>nna</c>, <c>trimmed-mean</c> or <c>mean</c>.</summary>
    public string Aggregator { get; init; } = "nna";

    /// <summary>f, how many members may be faulty or malicious; at least 0. Mixing needs at least 2f + 1 contributions.</summary>
    public int Faulty { get; init; } = 1;

    /// <summary>Trainers that must be up before the first round starts, this node included; at least 1.</summary>
    public int MinPeers { get; init; } = 3;

    /// <summary>Gradients each node computes in the whole run; at least <see cref="LocalSteps"/>.</summary>
    public int Gradients { get; init; } = 600;

    /// <summary>H, local steps between two mixings; at least 1.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>Images of a batch, in [1, 4096].</summary>
    public int Batch { get; init; } = 25;

    /// <summary>γ₀ of γ_t = γ₀ / (1 + ⌊t / <see cref="DecaySteps"/>⌋); above 0.</summary>
    public double LearningRate { get; init; } = 0.75;

    /// <summary>Steps after which the learning rate falls; at least 1.</summary>
    public int DecaySteps { get; init; } = 50;

    /// <summary>β of m ← βm + (1−β)g, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.99;

    /// <summary>Seed of the first model, which all nodes start from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Shortest wait for the contributions of a round.</summary>
    public TimeSpan MinDeadline { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest wait for the contributions of a round.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Test images looked at after each round (the first ones of the test set); 0 = none. The last round looks at all.</summary>
    public int EvaluateImages { get; init; } = 1000;
}
