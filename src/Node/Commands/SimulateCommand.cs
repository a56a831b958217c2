using System.CommandLine;
using System.Globalization;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn simulate</c>: many nodes in one process, repeated bit for bit from a seed.</summary>
internal static class SimulateCommand
{
    private static readonly SimulationOptions Default = new();

    private static readonly Option<int> Nodes = Number("--nodes", "n, all nodes, the Byzantine ones included", Default.Nodes);

    private static readonly Option<int> Byzantine = Number("--byzantine", "f, how many of them attack, and how many the rule guards against", Default.Byzantine);

    private static readonly Option<string> Attack = Text("--attack", "none, alie, foe, sign-flip, label-flip or nan", Default.Attack);

    private static readonly Option<string> Aggregator = Text("--aggregator", "nna, nna-quorum, trimmed-mean, mean, or alone (no exchange)", Default.Aggregator);

    private static readonly Option<string> Model = Text("--model", "mlp, cnn or logistic", Default.Model);

    private static readonly Option<string> Partition = Text("--partition", "iid, dirichlet:ALPHA or sorted", Default.Partition);

    private static readonly Option<int> Gradients = Number("--gradients", "Gradients each node computes; a multiple of --local-steps", Default.Gradients);

    private static readonly Option<int> LocalSteps = Number("--local-steps", "Gradients between two mixings", Default.LocalSteps);

    private static readonly Option<int> Batch = Number("--batch", "Images of a gradient", Default.Batch);

    private static readonly Option<ulong> Seed = new("--seed") { Description = "Everything random follows from it", DefaultValueFactory = _ => Default.Seed };

    private static readonly Option<int> Threads = Number("--threads", "Threads that train; the result does not depend on it", Default.Threads);

    private static readonly Option<string> Data = Text("--data", "What is trained on", "mnist:data/mnist");

    private static readonly Option<bool> Json = new("--json") { Description = "Print the report as one line of JSON" };

    public static Command Create()
    {
        var command = new Command("simulate", "Run many nodes in one process, attackers included; repeats bit for bit from its seed.")
        {
            Nodes, Byzantine, Attack, Aggregator, Model, Partition, Gradients, LocalSteps, Batch, Seed, Threads, Data, Json,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    /// <summary>Runs a simulation; what is wrong with its options is the user's one line.</summary>
    public static SimulationReport Simulate(
        SimulationOptions options, TrainAndTest images, IProgress<SimulationProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }

        return Simulator.Run(options, images.Train, images.Test, progress, cancellationToken);
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = new SimulationOptions
        {
            Nodes = parsed.GetValue(Nodes),
            Byzantine = parsed.GetValue(Byzantine),
            Attack = parsed.GetRequiredValue(Attack),
            Aggregator = parsed.GetRequiredValue(Aggregator),
            Model = parsed.GetRequiredValue(Model),
            Partition = parsed.GetRequiredValue(Partition),
            Gradients = parsed.GetValue(Gradients),
            LocalSteps = parsed.GetValue(LocalSteps),
            Batch = parsed.GetValue(Batch),
            Seed = parsed.GetValue(Seed),
            Threads = parsed.GetValue(Threads),
        };
        NodeDaemon.EnsureTorch();
        TrainAndTest images = LearningInput.ReadImages(parsed.GetRequiredValue(Data));
        SimulationReport report = Simulate(options, images, new RoundLine(), cancellationToken);
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(report.ToJson());
        }
        else
        {
            Print(report);
        }

        return 0;
    }

    private static void Print(SimulationReport report)
    {
        foreach (NodeReport node in report.PerNode)
        {
            string accuracy = node.Accuracy is { } a ? Percent(a) : "attacks";
            Console.Out.WriteLine(Format($"{node.Node,-10} {accuracy,8}  mixed {node.Mixed}, Byzantine kept {node.KeptByzantine} and rejected {node.RejectedByzantine}, honest rejected {node.RejectedHonest}"));
        }

        Console.Out.WriteLine(Format($"honest nodes: mean {Percent(report.HonestMeanAccuracy)}, worst {Percent(report.HonestWorstAccuracy)}"));
        Console.Out.WriteLine(Format($"{report.Rounds} rounds, {report.BytesPerNode / 1e6:0.0} MB received per node, {report.Seconds:0.0} s, models {report.ModelHash[..16]}"));
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Percent(double fraction) => fraction.ToString("P2", CultureInfo.InvariantCulture);

    private static Option<int> Number(string name, string description, int value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static Option<string> Text(string name, string description, string value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    /// <summary>One line on a terminal that is overwritten from round to round; nothing when the output goes elsewhere.</summary>
    private sealed class RoundLine : IProgress<SimulationProgress>
    {
        public void Report(SimulationProgress value)
        {
            if (!Console.IsErrorRedirected)
            {
                Console.Error.Write(value.Round < value.Rounds ? $"\rround {value.Round} of {value.Rounds} " : "\r\e[K");
            }
        }
    }
}
