using System.Globalization;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Bench;

/// <summary>
/// Accuracy under attack: a table over attacks and seeds. Every option takes a value or several with commas, and all combinations are run:
/// --nodes --byzantine --attack --aggregator --model --partition --gradients --local-steps --batch --seed --threads; --json prints the reports.
/// </summary>
internal static class SimulateCommand
{
    private static readonly string[] Keys =
    [
        "nodes", "byzantine", "attack", "aggregator", "model", "partition", "gradients", "local-steps", "batch", "threads", "seed",
    ];

    public static Task RunAsync(string[] args)
    {
        TrainAndTest data = Mnist.Load(FindMnist());
        IEnumerable<SimulationOptions> all = Keys.Aggregate(
            (IEnumerable<SimulationOptions>)[new SimulationOptions()],
            (options, key) => options.SelectMany(o => Values(args, key).Select(v => Set(o, key, v))));
        foreach (IGrouping<SimulationOptions, SimulationOptions> group in all.GroupBy(o => o with { Seed = 0 }))
        {
            RunGroup([.. group], data, args.Contains("--json"));
        }

        return Task.CompletedTask;
    }

    private static void RunGroup(SimulationOptions[] group, TrainAndTest data, bool json)
    {
        SimulationOptions settings = group[0];
        Console.Write(
            $"n {settings.Nodes} f {settings.Byzantine} {settings.Model} {settings.Partition} T {settings.Gradients} H {settings.LocalSteps} "
            + $"{settings.Aggregator,-12} {settings.Attack,-10}");
        var reports = new List<SimulationReport>();
        foreach (SimulationOptions options in group)
        {
            SimulationReport report = Simulator.Run(options, data.Train, data.Test, null, CancellationToken.None);
            reports.Add(report);
            Console.Write(FormattableString.Invariant($"  {100 * report.HonestMeanAccuracy:0.00}/{100 * report.HonestWorstAccuracy:0.00}"));
        }

        Console.WriteLine(FormattableString.Invariant(
            $"  mean {100 * reports.Average(r => r.HonestMeanAccuracy):0.00} worst {100 * reports.Min(r => r.HonestWorstAccuracy):0.00}")
            + FormattableString.Invariant($"  kept byz {reports.Average(r => r.PerNode.Sum(p => p.KeptByzantine)):0.0}")
            + FormattableString.Invariant($"  {reports.Average(r => r.Seconds):0.00} s {reports[0].ModelHash[..8]}"));
        if (json)
        {
            reports.ForEach(r => Console.WriteLine(r.ToJson()));
        }
    }

    private static string[] Values(string[] args, string key)
    {
        int at = Array.IndexOf(args, "--" + key);
        return at < 0 ? [""] : args[at + 1].Split(',');
    }

    private static SimulationOptions Set(SimulationOptions options, string key, string value)
    {
        if (value.Length == 0)
        {
            return options;
        }

        int Number() => int.Parse(value, CultureInfo.InvariantCulture);
        return key switch
        {
            "nodes" => options with { Nodes = Number() },
            "byzantine" => options with { Byzantine = Number() },
            "attack" => options with { Attack = value },
            "aggregator" => options with { Aggregator = value },
            "model" => options with { Model = value },
            "partition" => options with { Partition = value },
            "gradients" => options with { Gradients = Number() },
            "local-steps" => options with { LocalSteps = Number() },
            "batch" => options with { Batch = Number() },
            "threads" => options with { Threads = Number() },
            _ => options with { Seed = ulong.Parse(value, CultureInfo.InvariantCulture) },
        };
    }

    private static string FindMnist()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "data", "mnist");
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        throw new DirectoryNotFoundException("data/mnist is not above the program");
    }
}
