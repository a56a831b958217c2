using System.Globalization;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Partitioning;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Topology;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Simulation;

/// <summary>A simulated run. Names are those of the command line.</summary>
public sealed record SimulationOptions
{
    /// <summary>The aggregator that mixes nothing: every node for itself, the control that a defence has to beat.</summary>
    public const string Alone = "alone";

    private const int MaxRounds = 100_000_000;

    /// <summary>n, all nodes, the Byzantine ones included; in [1, 10,000]. Default 11.</summary>
    public int Nodes { get; init; } = 11;

    /// <summary>f, how many of them are Byzantine and how many the rule guards against; at least 0. With attack "none" all are honest. Default 2.</summary>
    public int Byzantine { get; init; } = 2;

    /// <summary>One of <see cref="AttackRegistry.Names"/>. Default "none".</summary>
    public string Attack { get; init; } = "none";

    /// <summary>A name that <see cref="Aggregators.Create"/> takes, or <see cref="Alone"/>. Default <see cref="Aggregators.Default"/>.</summary>
    public string Aggregator { get; init; } = Aggregators.Default;

    /// <summary>As <see cref="Topologies.Parse"/> reads it: who hears whom. Default "all".</summary>
    public string Topology { get; init; } = Topologies.All;

    /// <summary>f', how many of those that a node hears its rule guards against; in [0, f]. Null, the default, for the topology's own choice.</summary>
    public int? Guard { get; init; }

    /// <summary>A name in <see cref="Models"/>. Default "mlp".</summary>
    public string Model { get; init; } = "mlp";

    /// <summary>As <see cref="Partitioners.Parse"/> reads it. Default "dirichlet:1".</summary>
    public string Partition { get; init; } = "dirichlet:1";

    /// <summary>T, gradients of each node; a multiple of <see cref="LocalSteps"/>. Default 300.</summary>
    public int Gradients { get; init; } = 300;

    /// <summary>H, gradients before a mixing; at least 1. Default 20.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>K, rounds of mixing after them; in [1, 100]. Default 1.</summary>
    public int MixingRounds { get; init; } = 1;

    /// <summary>In which models travel. Default float32.</summary>
    public ExchangePrecision ExchangePrecision { get; init; }

    /// <summary>Images of a gradient; in [1, 10,000]. Default 25.</summary>
    public int Batch { get; init; } = 25;

    /// <summary>Everything random follows from it. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Threads that train; in [1, 64]. The result does not depend on it. Default 1.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>How each node trains. Default MoNNA's momentum and learning rate.</summary>
    public LocalOptimizerSettings Optimizer { get; init; } = new();

    /// <summary>How each node goes from its model before a round to what mixing gave; one of <see cref="OuterOptimizers.Names"/>. Default "nesterov".</summary>
    public string OuterOptimizer { get; init; } = NesterovOuterOptimizer.RegisteredName;

    /// <summary>Of Nesterov's outer step. Default rate 1 and momentum 0.15: honest progress lasts longer than an attacker's pull, which the momentum lengthens too.</summary>
    public NesterovOuterOptions Outer { get; init; } = new() { LearningRate = 1, Momentum = 0.15f };

    /// <summary>τ, how far each node's loss makes up for its own class frequencies, in [0, 10]; 0 = not at all. Default 1.</summary>
    public double LabelPrior { get; init; } = 1;

    /// <summary>How many times as far as its last mixings one may move a node, 0 or in [1, 1000]; 0 = any, and for the plain mean always. Default 2.</summary>
    public double MoveLimit { get; init; } = Learning.Rounds.MoveLimit.DefaultFactor;

    /// <summary>What is between the nodes. Default 1 to 50 ms, nothing lost, nobody leaves.</summary>
    public NetworkOptions Network { get; init; } = new();

    /// <summary>How many honest nodes, evenly spread, are measured on the test set after each round when somebody wants to know; in [0, 10,000]. Default 16.</summary>
    public int MeasuredNodes { get; init; } = 16;

    /// <summary>The models known.</summary>
    public ModelRegistry Models { get; init; } = ModelRegistry.Default;

    /// <summary>How many times longer than the others a node trains, by index; for tests of stragglers.</summary>
    internal IReadOnlyDictionary<int, double> Slowness { get; init; } = new Dictionary<int, double>();

    /// <summary>How training and mixing take turns.</summary>
    public RoundPlan Plan => new(LocalSteps, MixingRounds);

    /// <summary>Rounds of the run, T / H · K.</summary>
    public int Rounds => checked((int)Plan.RoundsOf(Gradients));

    /// <summary>Nodes that follow the protocol.</summary>
    public int HonestCount => Attack == "none" ? Nodes : Nodes - Byzantine;

    /// <summary>Whether a node has to know the model that its round began with.</summary>
    internal bool HasOuterStep => OuterOptimizer != NoOuterOptimizer.RegisteredName;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The first value that is out of range, in one line for the user.</exception>
    public void Validate()
    {
        InRange(Nodes, 1, 10_000, "nodes");
        InRange(Byzantine, 0, Nodes - 1, "byzantine");
        InRange(Guard ?? 0, 0, Byzantine, "guard");
        InRange(LocalSteps, 1, 1_000_000, "local-steps");
        InRange(Gradients, LocalSteps, MaxRounds, "gradients");
        InRange(MixingRounds, 1, (int)Math.Min(100, MaxRounds / (Gradients / LocalSteps)), "mixing-rounds");
        InRange(Batch, 1, 10_000, "batch");
        InRange(Threads, 1, 64, "threads");
        InRange(MeasuredNodes, 0, 10_000, "measured-nodes");
        if (Gradients % LocalSteps != 0)
        {
            throw new ArgumentException($"gradients is {Gradients}, but must be a multiple of local-steps, {LocalSteps}");
        }

        if (!Models.Names.Contains(Model))
        {
            throw new ArgumentException($"unknown model '{Model}': use {string.Join(", ", Models.Names)}");
        }

        Partitioners.Parse(Partition);
        AttackRegistry.Create(Attack);
        Network.Validate();
        LocalOptimizers.Create(Optimizer, 1);
        OuterOptimizers.Create(OuterOptimizer, 1, Outer);
        new LocalTrainerOptions { BatchSize = Batch, LabelPrior = LabelPrior }.Validate();
        if (!(MoveLimit is 0 or (>= 1 and <= 1000)))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"move-limit is {MoveLimit}, but must be 0 (no limit) or in [1, 1000]"));
        }

        CheckRule();
    }

    /// <summary>The rule of the run; the plain mean of one's own model when alone.</summary>
    internal IAggregator CreateRule() => Aggregator == Alone ? new Mean() : Aggregators.Create(Aggregator, FaultySources);

    /// <summary>Who hears whom.</summary>
    internal ITopology CreateTopology() => Topologies.Parse(Topology, Nodes, Seed);

    /// <summary>f', the Byzantine among those whom a node hears that its rule guards against: f where everybody hears everybody, unless <see cref="Guard"/> says otherwise.</summary>
    public int FaultySources => Guard ?? CreateTopology().FaultySources(Byzantine, Rounds);

    private void CheckRule()
    {
        if (Aggregator != Alone && Aggregators.FindError(Aggregator, Byzantine) is { } error)
        {
            throw new ArgumentException(error.StartsWith("unknown", StringComparison.Ordinal) ? $"{error} or {Alone}" : error);
        }

        CreateTopology(); // checks that it is there
        int sources = FaultySources;
        if (Topology != Topologies.All)
        {
            return; // a node that hears too few keeps its own model for the round
        }

        int heard = Aggregators.HeardBy(Aggregator) == Heard.Quorum ? Nodes - sources : Nodes;
        int needed = CreateRule().MinCandidates;
        if (heard < needed)
        {
            throw new ArgumentException(
                $"{Aggregator} against {Byzantine} Byzantine nodes needs {needed + Nodes - heard} nodes or more, not {Nodes}");
        }
    }

    private static void InRange(int value, int minimum, int maximum, string name)
    {
        if (value < minimum || value > maximum)
        {
            throw new ArgumentException($"{name} is {value}, but must be in [{minimum}, {maximum}]");
        }
    }
}
