using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Experiments;
using P2PLearn.Learning.Plugins;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Plots;

namespace P2PLearn.Node.Commands;

/// <summary><c>p2plearn simulate</c>: many nodes in one process, repeated bit for bit from a seed; one run, or a grid of them.</summary>
internal static class SimulateCommand
{
    private const int ManyNodes = 32;

    private static readonly Option<string> Data = new("--data") { Description = LearningOptionTexts.Data, DefaultValueFactory = _ => "mnist:data/mnist" };

    private static readonly Option<string[]> Plugin = PluginOption.Create();

    private static readonly Option<string[]> GridTerms = new("--grid")
    {
        Description = "Run all combinations: key=value,value or key=1..3, several of them after each other; --out is then a folder, and a grid that was stopped goes on",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string?> Out = new("--out") { Description = "Write a line of JSON for each round to this new file (with --grid: a file for each run to this folder)" };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw accuracy, disagreement and what was kept into this folder, as SVG and PNG" };

    private static readonly Option<bool> Json = new("--json") { Description = "Print the report as one line of JSON, and nothing else" };

    public static Command Create()
    {
        var command = new Command("simulate", "Run many nodes in one process, attackers included; repeats bit for bit from its seed.");
        foreach (Option option in SimulateOptions.All)
        {
            command.Add(option);
        }

        foreach (Option option in TrainingOptions.All)
        {
            command.Add(option);
        }

        command.Add(Data);
        command.Add(Plugin);
        command.Add(GridTerms);
        command.Add(Out);
        command.Add(Plot);
        command.Add(Json);
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    /// <summary>Runs a simulation; what is wrong with its options is the user's one line.</summary>
    public static SimulationReport Simulate(
        SimulationOptions options, ExampleSets examples, IProgress<SimulationProgress>? progress, CancellationToken cancellationToken)
    {
        LearningInput.RequireFit(options.Model, examples, options.Models);
        Validate(options);
        return Simulator.Run(options, examples.Train, examples.Test, progress, cancellationToken);
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        LearningCatalog catalog = PluginOption.Load(parsed.GetValue(Plugin));
        SimulationOptions options = TrainingOptions.Read(parsed, SimulateOptions.Read(parsed)) with { Models = catalog.Models };
        string[] grid = parsed.GetValue(GridTerms) ?? [];
        if (grid.Length > 0)
        {
            var sweep = new SweepRun(grid, options, parsed.GetValue(Out), parsed.GetValue(Plot), parsed.GetValue(Json));
            NodeDaemon.EnsureTorch();
            return sweep.Run(LearningInput.ReadExamples(parsed.GetRequiredValue(Data), catalog.Data), cancellationToken);
        }

        Validate(options);
        string? file = parsed.GetValue(Out);
        string? folder = parsed.GetValue(Plot);
        CheckNew(file);
        NodeDaemon.EnsureTorch();
        ExampleSets examples = LearningInput.ReadExamples(parsed.GetRequiredValue(Data), catalog.Data);
        LearningInput.RequireFit(options.Model, examples, options.Models);
        SimulationReport report = RunOnce(options, examples, file, folder, parsed.GetValue(Json), cancellationToken);
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

    private static SimulationReport RunOnce(
        SimulationOptions options, ExampleSets examples, string? file, string? folder, bool quiet, CancellationToken cancellationToken)
    {
        var rounds = new List<SimulationRound>();
        using ResultsFile? results = file is null ? null : new ResultsFile(file, SimulationSettings.Of(options));
        using var view = new SimulationProgressView(quiet);
        void OnRound(SimulationRound round)
        {
            results?.Add(round); // on the disk before it is shown
            rounds.Add(round);
            view.Last = round;
        }

        try
        {
            bool wanted = file is not null || folder is not null;
            SimulationReport report = Simulator.Run(options, examples.Train, examples.Test, view, wanted ? OnRound : null, cancellationToken);
            results?.Add(new RunEnd(true, report));
            return report;
        }
        catch (OperationCanceledException)
        {
            results?.Add(new RunEnd(false, null));
            view.Dispose();
            Console.Error.WriteLine($"stopped after {view.Done} of {options.Rounds} rounds" + (file is null ? "" : $"; they are in {file}"));
            throw;
        }
        finally
        {
            if (folder is not null && rounds.Count > 0)
            {
                PlotCommand.Draw([new PlottedRun("", [new RunResults(SimulationSettings.Of(options), rounds, null)])], folder);
            }
        }
    }

    private static void Validate(SimulationOptions options)
    {
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }
    }

    private static void CheckNew(string? file)
    {
        if (file is not null && Path.Exists(file))
        {
            throw new UserErrorException($"{file} is there already: give another --out, or delete it");
        }
    }

    private static void Print(SimulationReport report)
    {
        foreach (NodeReport node in report.PerNode.Where(_ => report.PerNode.Count <= ManyNodes))
        {
            string accuracy = node.Accuracy is { } a ? Percent(a) : "attacks";
            Console.Out.WriteLine(Format($"{node.Node,-10} {accuracy,8}  mixed {node.Mixed}, Byzantine kept {node.KeptByzantine} and rejected {node.RejectedByzantine}, honest rejected {node.RejectedHonest}"));
        }

        Console.Out.WriteLine(Format($"honest nodes: mean {Percent(report.HonestMeanAccuracy)}, worst {Percent(report.HonestWorstAccuracy)}"));
        Console.Out.WriteLine(Format($"{report.Rounds} rounds, {report.BytesPerNode / 1e6:0.0} MB received per node, {report.Seconds:0.0} s, models {report.ModelHash[..16]}"));
        if (report.PerNode.Count > ManyNodes || report.Departures > 0 || report.BrokenTransfers > 0)
        {
            int heard = report.PerNode.Sum(n => n.KeptByzantine + n.RejectedByzantine);
            string kept = heard == 0 ? "no attacker was heard" : Format($"attackers kept in {Percent((double)report.PerNode.Sum(n => n.KeptByzantine) / heard)} of the times they were heard");
            Console.Out.WriteLine(Format($"{kept}; f' = {report.Settings.FaultySources} was too low in {report.BeyondGuard} of {report.PerNode.Sum(n => n.Mixed)} mixings, {report.Limited} would have moved a node too far"));
            Console.Out.WriteLine(Format($"{report.VirtualSeconds:0.0} s of virtual time, {report.BrokenTransfers} transfers broke, nodes left {report.Departures} times; models took {report.PeakModelBytes / 1e6:0} MB"));
            using var process = Process.GetCurrentProcess();
            Console.Out.WriteLine(Format($"the process took {process.PeakWorkingSet64 / 1e6:0} MB at most and {process.TotalProcessorTime.TotalSeconds:0} s of processor time"));
        }
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Percent(double fraction) => fraction.ToString("P2", CultureInfo.InvariantCulture);
}
