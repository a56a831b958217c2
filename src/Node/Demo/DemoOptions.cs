using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Topology;

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
    public string Aggregator { get; init; } = Aggregators.Default;

    /// <summary>Whom each node mixes, as <see cref="Topologies.Parse"/> reads it.</summary>
    public string Topology { get; init; } = Topologies.All;

    /// <summary>f', how many of those its rule guards against; null for the topology's own choice.</summary>
    public int? Guard { get; init; }

    /// <summary>The model; one that takes <see cref="Data"/>.</summary>
    public string Model { get; init; } = "mlp";

    /// <summary>How the training examples are dealt out among the honest nodes.</summary>
    public string Partition { get; init; } = "dirichlet:1";

    /// <summary>Gradients each node computes.</summary>
    public int Gradients { get; init; } = 600;

    /// <summary>H, local steps before a mixing.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>K, rounds of mixing after them.</summary>
    public int MixingRounds { get; init; } = 1;

    /// <summary>In which models travel, one of <see cref="ExchangePrecisions.Names"/>.</summary>
    public string ExchangePrecision { get; init; } = ExchangePrecisions.Names[0];

    /// <summary>Seed of the first model, the deal and the order of the examples.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Examples of a gradient.</summary>
    public int Batch { get; init; } = 25;

    /// <summary>γ₀, the learning rate of the first steps; above 0.</summary>
    public double LearningRate { get; init; } = 0.75;

    /// <summary>Steps after which the learning rate falls; at least 1.</summary>
    public int DecaySteps { get; init; } = 50;

    /// <summary>What is trained on: kind, place and options.</summary>
    public string Data { get; init; } = "mnist:data/mnist";

    /// <summary>Paths of assemblies that bring models or kinds of data.</summary>
    public IReadOnlyList<string> Plugins { get; init; } = [];

    /// <summary>Where the nodes' data directories go and stay; null = a temporary folder that is deleted.</summary>
    public string? Keep { get; init; }
}
