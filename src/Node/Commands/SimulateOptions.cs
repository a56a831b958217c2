using System.CommandLine;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Node.Commands;

/// <summary>The options of <c>p2plearn simulate</c> that say what is simulated.</summary>
internal static class SimulateOptions
{
    private static readonly SimulationOptions Default = new();

    private static readonly Option<int> Nodes = Number("--nodes", "n, all nodes, the Byzantine ones included", Default.Nodes);

    private static readonly Option<int> Byzantine = Number("--byzantine", "f, how many of them attack, and how many the rule guards against", Default.Byzantine);

    private static readonly Option<int?> Guard = new("--guard") { Description = LearningOptionTexts.Guard };

    private static readonly Option<string> Attack = Text("--attack", string.Join(", ", AttackRegistry.Names), Default.Attack);

    private static readonly Option<string> Aggregator = Text(
        "--aggregator",
        $"{string.Join(", ", Aggregators.Names)}, or alone (no exchange); a pre-aggregator before it with +, e.g. nnm+trimmed-mean",
        Default.Aggregator);

    private static readonly Option<string> Topology = Text("--topology", "Who hears whom: " + LearningOptionTexts.Topologies, Default.Topology);

    private static readonly Option<string> Model = Text("--model", LearningOptionTexts.Models, Default.Model);

    private static readonly Option<string> Partition = Text("--partition", LearningOptionTexts.Partitions, Default.Partition);

    private static readonly Option<int> Gradients = Number("--gradients", "Gradients each node computes; a multiple of --local-steps", Default.Gradients);

    private static readonly Option<int> LocalSteps = Number("--local-steps", "Gradients before a mixing", Default.LocalSteps);

    private static readonly Option<int> MixingRounds = Number("--mixing-rounds", LearningOptionTexts.MixingRounds, Default.MixingRounds);

    private static readonly Option<string> Precision = Text("--exchange-precision", LearningOptionTexts.ExchangePrecision, Default.ExchangePrecision.ToName());

    private static readonly Option<int> Batch = Number("--batch", "Images of a gradient", Default.Batch);

    private static readonly Option<string> Latency = Text("--latency", "One-way delay of a message in ms, a number or MIN-MAX", Default.Network.Latency.ToString());

    private static readonly Option<string> Bandwidth = Text("--bandwidth", "Mbit/s of each node each way, a number or MIN-MAX, or unlimited", Default.Network.BandwidthText);

    private static readonly Option<double> Loss = new("--loss") { Description = "Chance that the transfer of a model breaks, 0 to 0.9", DefaultValueFactory = _ => 0 };

    private static readonly Option<string> Churn = Text("--churn", "Chance that an honest node leaves after a round, 0 to 0.5, and mean seconds away: 0.05:10", Default.Network.ChurnText);

    private static readonly Option<ulong> Seed = new("--seed") { Description = "Everything random follows from it", DefaultValueFactory = _ => Default.Seed };

    private static readonly Option<int> Threads = Number(
        "--threads", "Threads; the result does not depend on it", Math.Clamp(Environment.ProcessorCount, 1, 64));

    private static readonly Option<int> Measure = Number("--measure", "Honest nodes whose accuracy is measured after each round, for --out and --plot", Default.MeasuredNodes);

    /// <summary>All of them, in the order of the help.</summary>
    public static IReadOnlyList<Option> All { get; } =
    [
        Nodes, Byzantine, Guard, Attack, Aggregator, Topology, Model, Partition, Gradients, LocalSteps, MixingRounds, Precision, Batch, Latency, Bandwidth, Loss, Churn,
        Seed, Threads, Measure,
    ];

    /// <summary>What the user asked for; not checked together.</summary>
    /// <exception cref="UserErrorException">A value that is none.</exception>
    public static SimulationOptions Read(ParseResult parsed)
    {
        try
        {
            return new SimulationOptions
            {
                Nodes = parsed.GetValue(Nodes),
                Byzantine = parsed.GetValue(Byzantine),
                Guard = parsed.GetValue(Guard),
                Attack = parsed.GetRequiredValue(Attack),
                Aggregator = parsed.GetRequiredValue(Aggregator),
                Topology = parsed.GetRequiredValue(Topology),
                Model = parsed.GetRequiredValue(Model),
                Partition = parsed.GetRequiredValue(Partition),
                Gradients = parsed.GetValue(Gradients),
                LocalSteps = parsed.GetValue(LocalSteps),
                MixingRounds = parsed.GetValue(MixingRounds),
                ExchangePrecision = ExchangePrecisions.Parse(parsed.GetRequiredValue(Precision)),
                Batch = parsed.GetValue(Batch),
                Seed = parsed.GetValue(Seed),
                Threads = parsed.GetValue(Threads),
                MeasuredNodes = parsed.GetValue(Measure),
                Network = new NetworkOptions
                {
                    Latency = NumberRange.Parse(parsed.GetRequiredValue(Latency), "latency"),
                    Bandwidth = NetworkOptions.ParseBandwidth(parsed.GetRequiredValue(Bandwidth)),
                    Loss = parsed.GetValue(Loss),
                }.WithChurn(parsed.GetRequiredValue(Churn)),
            };
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }
    }

    private static Option<int> Number(string name, string description, int value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static Option<string> Text(string name, string description, string value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
