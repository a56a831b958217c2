using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;

namespace P2PLearn.Mesh.Tests;

/// <summary>Kill -9 at random instants: what a node acknowledged is there when it is dead, and it goes on when it is started again.</summary>
public sealed class CrashTests
{
    private static readonly RunSettings Run = new()
    {
        Faulty = 1, MinPeers = 4, Gradients = RunSettings.MaxGradients, CheckpointRounds = 2, EvaluateImages = 500, MaxDeadline = TimeSpan.FromSeconds(5),
    };

    [Fact]
    public Task Trainers_killed_at_random_lose_nothing_that_they_acknowledged() => KillTrainersAsync(kills: 3, seed: 1);

    [Fact(Explicit = true)]
    public Task Long_trainers_killed_100_times() => KillTrainersAsync(kills: 100, seed: 2);

    [Fact]
    public Task A_download_killed_at_random_loses_nothing_and_goes_on() => KillDownloadsAsync(kills: 2, seed: 3);

    [Fact(Explicit = true)]
    public Task Long_downloads_killed_100_times() => KillDownloadsAsync(kills: 100, seed: 4);

    private static async Task KillTrainersAsync(int kills, int seed)
    {
        await using var mesh = new TestMesh();
        var random = new Random(seed);
        var tally = new CrashTally();
        var check = new CrashCheck(mesh.Folders, tally);
        await using var trainers = new CrashMesh(mesh);
        await trainers.StartAsync(["n0", "n1", "n2", "n3"], (name, first, i) => mesh.Trainer(name, first, Run, i, 4));
        await TrainTogetherAsync(trainers.Nodes, rounds: 2);
        for (int kill = 1; kill <= kills; kill++)
        {
            CrashNode victim = trainers.Nodes[random.Next(trainers.Nodes.Count)];
            await victim.EventsAsync(random.Next(1, 25));
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(80)), TimeProvider.System, CancellationToken.None);
            await victim.KillAsync();
            Task checking = check.RunAsync(victim, $"seed {seed}, kill {kill}");
            int mark = victim.EventCount;
            victim.Start();
            await victim.UntilAsync(mark, e => e is RoundCompleted { Mixed: "mixed" or "caught-up" }, $"progress after kill {kill}");
            await checking;
            tally.Kill();
            Assert.True(tally.Missing.Count == 0, string.Join('\n', tally.Missing));
        }

        await TrainTogetherAsync(trainers.Nodes, rounds: 3);
        await EndAsync(trainers.Nodes, check, tally, $"seed {seed}, the end");
        Assert.All(trainers.Nodes, n => Assert.Empty(n.Told.Equivocations));
        Report(trainers.Nodes, tally);
    }

    /// <summary>Waits until each node has done some rounds with the contributions of all others, and knows something.</summary>
    private static Task TrainTogetherAsync(IReadOnlyList<CrashNode> nodes, int rounds) => Task.WhenAll(nodes.Select(node =>
    {
        int left = rounds;
        return node.UntilAsync(
            node.EventCount,
            e => e is RoundCompleted { Mixed: "mixed", Accuracy: > 0.7, Candidates.Count: 3 } round
                && round.Candidates.All(c => c.Outcome is "kept" or "clipped" or "rejected")
                && --left == 0,
            $"{rounds} rounds with all others");
    }));

    private static async Task KillDownloadsAsync(int kills, int seed)
    {
        await using var mesh = new TestMesh();
        var tally = new CrashTally();
        var check = new CrashCheck(mesh.Folders, tally);
        await using var nodes = new CrashMesh(mesh);
        await nodes.StartAsync(["donor", "fetcher"], (name, first, _) => mesh.Member(name, first));
        await Task.WhenAll(nodes.Nodes.Select(n => n.UntilAsync(0, e => e is MembersChanged { Up: 2 }, "two members")));
        var model = new CrashModel(mesh.Folders["large.safetensors"], 10_000_000, new Random(seed));
        await new CrashDownload(mesh, nodes.Nodes[0], nodes.Nodes[1], model, check, tally, seed).RunAsync(kills);
        await EndAsync(nodes.Nodes, check, tally, $"seed {seed}, the end");
        Report(nodes.Nodes, tally);
    }

    /// <summary>Kills all at the same time, as a power cut of the house, and looks at each.</summary>
    private static async Task EndAsync(IReadOnlyList<CrashNode> nodes, CrashCheck check, CrashTally tally, string occasion)
    {
        await Task.WhenAll(nodes.Select(n => n.KillAsync()));
        foreach (CrashNode node in nodes)
        {
            await check.RunAsync(node, occasion);
        }

        tally.Checked("kills at the end, all at once", nodes.Count);
        Assert.True(tally.Missing.Count == 0, string.Join('\n', tally.Missing));
    }

    private static void Report(IReadOnlyList<CrashNode> nodes, CrashTally tally) => TestContext.Current.TestOutputHelper?.WriteLine(
        $"{tally}; told in all: {nodes.Sum(n => n.Told.Lines.Count)} events, {nodes.Sum(n => n.Told.RoundCount)} rounds, "
            + $"{nodes.Sum(n => n.Told.CheckpointCount)} checkpoints");
}
