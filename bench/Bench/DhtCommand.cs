using System.Diagnostics;
using System.Globalization;
using P2PLearn.Networking.Protocols.Kad.Lookups;
using P2PLearn.Networking.Tests.Protocols.Kad.Simulation;

namespace P2PLearn.Bench;

/// <summary>
/// The DHT with many nodes in one process and virtual time: store and get, also after a share of the nodes vanished and as many came, and
/// among adversaries. --nodes --values --gets --churn --adversaries --min-delay --max-delay (milliseconds one way) --paths --seed
/// </summary>
internal static class DhtCommand
{
    public static Task RunAsync(string[] args)
    {
        double Number(string key, double standard) =>
            Array.IndexOf(args, "--" + key) is var at && at >= 0 ? double.Parse(args[at + 1], CultureInfo.InvariantCulture) : standard;
        var options = new SimOptions
        {
            Nodes = (int)Number("nodes", 1_024),
            Seed = (int)Number("seed", 1),
            Adversaries = (int)Number("adversaries", 0),
            MinDelay = TimeSpan.FromMilliseconds(Number("min-delay", 5)),
            MaxDelay = TimeSpan.FromMilliseconds(Number("max-delay", 50)),
            CodecEvery = 64,
            Lookup = new LookupOptions { DisjointPaths = (int)Number("paths", new LookupOptions().DisjointPaths) },
        };
        int values = (int)Number("values", 200), gets = (int)Number("gets", 1_000);
        Console.WriteLine(FormattableString.Invariant(
            $"{options.Nodes} nodes, {options.Adversaries} adversaries, {options.MinDelay.TotalMilliseconds}-{options.MaxDelay.TotalMilliseconds} ms one way, seed {options.Seed}, log2 n = {Math.Log2(options.Nodes):0.0}"));
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var run = new DhtSimulation(options);
        long start = Stopwatch.GetTimestamp();
        run.Build();
        long memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        Console.WriteLine(FormattableString.Invariant(
            $"joined: {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s of computing, {run.Net.Requests / options.Nodes} requests a node, table {run.Net.Honest.Average(n => n.Table.Count):0} peers, {memory / 1024.0 / options.Nodes:0} KiB a node"));
        Report("store", () => run.Store(values));
        Report("get", () => run.Get(gets));
        double churn = Number("churn", 0.2);
        run.Churn(churn);
        Report(FormattableString.Invariant($"get after {churn:0%} left"), () => run.Get(gets));
        Console.WriteLine(FormattableString.Invariant($"message: {run.Net.CodedBytes / Math.Max(1, run.Net.CodedMessages)} bytes on average"));
        GC.KeepAlive(run);
        return Task.CompletedTask;
    }

    private static void Report(string what, Func<List<SimResult>> run)
    {
        long start = Stopwatch.GetTimestamp();
        List<SimResult> results = run();
        double computing = Stopwatch.GetElapsedTime(start).TotalMilliseconds / results.Count;
        double[] times = [.. results.Select(r => r.Time.TotalMilliseconds).Order()];
        Console.WriteLine(FormattableString.Invariant(
            $"{what,-20} {100.0 * results.Count(r => r.Good) / results.Count:0.00} % of {results.Count}, virtual time median {times[times.Length / 2]:0} ms, p95 {times[times.Length * 95 / 100]:0} ms, max {times[^1]:0} ms; computing {computing:0.00} ms; requests {results.Average(r => r.Requests):0.0}; hops mean {results.Average(r => r.Hops):0.00} max {results.Max(r => r.Hops)}; peers {results.Average(r => r.Count):0.0}"));
    }
}
