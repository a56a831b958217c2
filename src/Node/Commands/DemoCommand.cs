using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Demo;
using P2PLearn.Node.Hosting;
using Spectre.Console;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn demo</c>: real node processes on this machine, attackers included, with a live table and a report.</summary>
internal static class DemoCommand
{
    private static readonly DemoOptions Default = new();

    private static readonly Option<int> Nodes = Number("--nodes", "Node processes, attackers included (2 to 32)", Default.Nodes);

    private static readonly Option<int> Attackers = Number("--attackers", "How many of them attack", Default.Attackers);

    private static readonly Option<string> Attack = Text("--attack", "alie, foe, sign-flip, label-flip or nan", Default.Attack);

    private static readonly Option<string> Aggregator = Text("--aggregator", "nna, mean or trimmed-mean", Default.Aggregator);

    private static readonly Option<string> Model = Text("--model", "mlp, cnn or logistic", Default.Model);

    private static readonly Option<string> Partition = Text("--partition", "iid, dirichlet:ALPHA or sorted", Default.Partition);

    private static readonly Option<int> Gradients = Number("--gradients", "Gradients each node computes", Default.Gradients);

    private static readonly Option<int> LocalSteps = Number("--local-steps", "Gradients between two mixings", Default.LocalSteps);

    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of model, deal and order", DefaultValueFactory = _ => Default.Seed };

    private static readonly Option<string> Data = Text("--data", "What is trained on", "mnist:data/mnist");

    private static readonly Option<string?> Keep = new("--keep") { Description = "Keep the nodes' data directories in this folder" };

    private static readonly Option<bool> Json = new("--json") { Description = "Print the report as one line of JSON, the last line" };

    public static Command Create()
    {
        var command = new Command("demo", "Start node processes on this machine that train MNIST together, attackers included.")
        {
            Nodes, Attackers, Attack, Aggregator, Model, Partition, Gradients, LocalSteps, Seed, Data, Keep, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string source = parsed.GetRequiredValue(Data);
        DemoOptions options = Read(parsed, source);
        NodeDaemon.EnsureTorch();
        TrainAndTest images = LearningInput.ReadImages(source);
        DemoReport report = await new DemoRunner(options, images, Console.Error).RunAsync(cancellationToken);
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, EventLog.Json));
        }
        else
        {
            Print(report);
        }

        return 0;
    }

    private static DemoOptions Read(ParseResult parsed, string source)
    {
        var options = new DemoOptions
        {
            Nodes = parsed.GetValue(Nodes),
            Attackers = parsed.GetValue(Attackers),
            Attack = parsed.GetRequiredValue(Attack),
            Aggregator = parsed.GetRequiredValue(Aggregator),
            Model = parsed.GetRequiredValue(Model),
            Partition = parsed.GetRequiredValue(Partition),
            Gradients = parsed.GetValue(Gradients),
            LocalSteps = parsed.GetValue(LocalSteps),
            Seed = parsed.GetValue(Seed),
            Mnist = source[(source.IndexOf(':', StringComparison.Ordinal) + 1)..],
            Keep = parsed.GetValue(Keep),
        };
        Require(options.Nodes is >= 2 and <= 32, $"--nodes is {options.Nodes}, but must be 2 to 32");
        Require(options.Attackers >= 0 && options.Attackers < options.Nodes, $"--attackers is {options.Attackers}, but must be 0 to {options.Nodes - 1}");
        Require(
            options.Nodes > 2 * options.Attackers,
            $"{options.Attackers} attackers among {options.Nodes} nodes: {options.Aggregator} needs more honest nodes than attackers");
        Require(options.Attackers == 0 || options.Attack != "none", "--attack none is said with --attackers 0");
        Validate(options);
        return options;
    }

    private static void Validate(DemoOptions options)
    {
        try
        {
            new SimulationOptions
            {
                Nodes = options.Nodes,
                Byzantine = options.Attackers,
                Attack = options.Attack,
                Aggregator = options.Aggregator,
                Model = options.Model,
                Partition = options.Partition,
                Gradients = options.Gradients,
                LocalSteps = options.LocalSteps,
            }.Validate();
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }
    }

    private static void Print(DemoReport report)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns("node", "accuracy", "kept by honest nodes", "rejected", "sent", "received");
        foreach (DemoNodeReport node in report.PerNode)
        {
            table.AddRow(
                node.Honest ? node.Node : $"[red]{node.Node}[/]",
                node.Accuracy is { } a ? Percent(a) : "",
                node.Kept.ToString(CultureInfo.InvariantCulture),
                node.Rejected.ToString(CultureInfo.InvariantCulture),
                Mega(node.BytesSent),
                Mega(node.BytesReceived));
        }

        AnsiConsole.Write(table);
        Console.Out.WriteLine($"honest nodes on 10,000 test images: mean {Percent(report.HonestMeanAccuracy)}, worst {Percent(report.HonestWorstAccuracy)}");
        Console.Out.WriteLine($"controls: plain mean under the same attack {Control(report.Controls.Mean)}, training alone {Percent(report.Controls.Alone.HonestMeanAccuracy)}");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Rounds} rounds, {Mega(report.BytesPerNode)} received per node, {report.Seconds:0.0} s from the first process to the last result"));
    }

    /// <summary>A model of NaN gets no image right.</summary>
    private static string Control(SimulationReport report) =>
        Percent(report.HonestMeanAccuracy) + (report.HonestMeanAccuracy == 0 ? " (diverged)" : "");

    private static string Percent(double fraction) => fraction.ToString("P2", CultureInfo.InvariantCulture);

    private static string Mega(long bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture) + " MB";

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new UserErrorException(message);
        }
    }

    private static Option<int> Number(string name, string description, int value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static Option<string> Text(string name, string description, string value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
