using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Plugins;
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

    private static readonly Option<string> Aggregator = Text("--aggregator", "The mixing rule: centred-clipping, nna, trimmed-mean, mean or another", Default.Aggregator);

    private static readonly Option<string> Topology = Text("--topology", "Whom each node mixes: " + LearningOptionTexts.Topologies, Default.Topology);

    private static readonly Option<int?> Guard = new("--guard") { Description = LearningOptionTexts.Guard };

    private static readonly Option<string> Model = Text("--model", LearningOptionTexts.Models, Default.Model);

    private static readonly Option<string> Partition = Text("--partition", LearningOptionTexts.Partitions, Default.Partition);

    private static readonly Option<int> Gradients = Number("--gradients", "Gradients each node computes", Default.Gradients);

    private static readonly Option<int> LocalSteps = Number("--local-steps", "Gradients before a mixing", Default.LocalSteps);

    private static readonly Option<int> MixingRounds = Number("--mixing-rounds", LearningOptionTexts.MixingRounds, Default.MixingRounds);

    private static readonly Option<string> Precision = Text("--exchange-precision", LearningOptionTexts.ExchangePrecision, Default.ExchangePrecision);

    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of model, deal and order", DefaultValueFactory = _ => Default.Seed };

    private static readonly Option<string> Data = Text("--data", LearningOptionTexts.Data, Default.Data);

    private static readonly Option<int> Batch = Number("--batch", "Examples of a gradient", Default.Batch);

    private static readonly Option<double> LearningRate = new("--learning-rate")
    {
        Description = "Learning rate of the first steps",
        DefaultValueFactory = _ => Default.LearningRate,
    };

    private static readonly Option<int> DecaySteps = Number("--decay-steps", "Steps after which the learning rate falls", Default.DecaySteps);

    private static readonly Option<string[]> Plugin = PluginOption.Create();

    private static readonly Option<string?> Keep = new("--keep") { Description = "Keep the nodes' data directories in this folder" };

    private static readonly Option<bool> Json = new("--json") { Description = "Print the report as one line of JSON, the last line" };

    public static Command Create()
    {
        var command = new Command("demo", "Start node processes on this machine that train together, attackers included.")
        {
            Nodes, Attackers, Attack, Aggregator, Topology, Guard, Model, Partition, Gradients, LocalSteps, MixingRounds, Precision, Batch, LearningRate, DecaySteps, Seed, Data, Plugin, Keep, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        LearningCatalog catalog = PluginOption.Load(parsed.GetValue(Plugin));
        DemoOptions options = Read(parsed, catalog.Models);
        NodeDaemon.EnsureTorch();
        ExampleSets examples = LearningInput.ReadExamples(options.Data, catalog.Data);
        LearningInput.RequireFit(options.Model, examples, catalog.Models);
        DemoReport report = await new DemoRunner(options, examples, catalog.Models, Console.Error).RunAsync(cancellationToken);
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

    private static DemoOptions Read(ParseResult parsed, ModelRegistry models)
    {
        var options = new DemoOptions
        {
            Nodes = parsed.GetValue(Nodes),
            Attackers = parsed.GetValue(Attackers),
            Attack = parsed.GetRequiredValue(Attack),
            Aggregator = parsed.GetRequiredValue(Aggregator),
            Topology = parsed.GetRequiredValue(Topology),
            Guard = parsed.GetValue(Guard),
            Model = parsed.GetRequiredValue(Model),
            Partition = parsed.GetRequiredValue(Partition),
            Gradients = parsed.GetValue(Gradients),
            LocalSteps = parsed.GetValue(LocalSteps),
            MixingRounds = parsed.GetValue(MixingRounds),
            ExchangePrecision = parsed.GetRequiredValue(Precision),
            Seed = parsed.GetValue(Seed),
            Batch = parsed.GetValue(Batch),
            LearningRate = parsed.GetValue(LearningRate),
            DecaySteps = parsed.GetValue(DecaySteps),
            Data = parsed.GetRequiredValue(Data),
            Plugins = parsed.GetValue(Plugin) ?? [],
            Keep = parsed.GetValue(Keep),
        };
        Require(options.Nodes is >= 2 and <= 32, $"--nodes is {options.Nodes}, but must be 2 to 32");
        Require(options.Attackers >= 0 && options.Attackers < options.Nodes, $"--attackers is {options.Attackers}, but must be 0 to {options.Nodes - 1}");
        Require(
            options.Nodes > 2 * options.Attackers,
            $"{options.Attackers} attackers among {options.Nodes} nodes: {options.Aggregator} needs more honest nodes than attackers");
        Require(options.Attackers == 0 || options.Attack != "none", "--attack none is said with --attackers 0");
        Require(options.LearningRate is > 0 and < 1e6, "--learning-rate must be a number above 0");
        Require(options.DecaySteps >= 1, $"--decay-steps is {options.DecaySteps}, but must be at least 1");
        Validate(options, models);
        return options;
    }

    private static void Validate(DemoOptions options, ModelRegistry models)
    {
        try
        {
            new SimulationOptions
            {
                Nodes = options.Nodes,
                Byzantine = options.Attackers,
                Attack = options.Attack,
                Aggregator = options.Aggregator,
                Topology = options.Topology,
                Guard = options.Guard,
                Model = options.Model,
                Models = models,
                Batch = options.Batch,
                Partition = options.Partition,
                Gradients = options.Gradients,
                LocalSteps = options.LocalSteps,
                MixingRounds = options.MixingRounds,
                ExchangePrecision = ExchangePrecisions.Parse(options.ExchangePrecision),
            }.Validate();
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }

        if (DemoMesh.SettingsOf(options).FindError() is { } error)
        {
            throw new UserErrorException(error);
        }
    }

    private static void Print(DemoReport report)
    {
        RunSettings run = DemoMesh.SettingsOf(report.Settings);
        Console.Out.WriteLine($"{run.Aggregator}, topology {run.TopologyName()}, against {run.FaultySources()} of those heard");
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
        Console.Out.WriteLine($"honest nodes on {report.TestExamples:N0} test examples: mean {Percent(report.HonestMeanAccuracy)}, worst {Percent(report.HonestWorstAccuracy)}");
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
