using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;

namespace P2PLearn.Mesh.Tests;

/// <summary>Nodes that come late, as real processes; to a run with many short rounds, whose checkpoints are soon old.</summary>
public sealed class LateJoinTests
{
    private static readonly RunSettings Run = new()
    {
        Faulty = 1, MinPeers = 3, Gradients = 4000, LocalSteps = 20, MixingRounds = 2, ExchangePrecision = "float16", CheckpointRounds = 5, EvaluateImages = 500,
    };

    [Fact]
    public async Task A_node_that_is_told_the_run_and_nothing_else_of_it_begins_with_the_others_checkpoint()
    {
        await using var mesh = new TestMesh();
        string seed = await StartTrainersAsync(mesh);
        await mesh.UntilAsync(() => mesh.Events<CheckpointMade>("a").Any(c => c.Round >= 10), () => $"a is in round {mesh.Round("a")}");

        mesh.Start("late", mesh.Trainer("late", seed, Run, 3, 4) with { Run = null, Join = RunId[..12] });
        await mesh.UntilAsync(() => mesh.Events<RunStarted>("late").Any(), () => "the late one has not begun");
        JoinedLate joined = Assert.Single(mesh.Events<JoinedLate>("late"));
        Assert.InRange(joined.Round, 5, Run.Rounds - 5);
        Assert.Equal(3, joined.Makers.Count);
        Assert.True(mesh.Events<RunStarted>("late").Single().Round > joined.Round);
        RunFinished finished = await mesh["late"].Finished.WaitAsync(TestMesh.Limit * 2); // on a busy machine it catches up again and again
        Assert.True(finished.Accuracy > 0.8, $"accuracy {finished.Accuracy}");
    }

    [Fact]
    public async Task A_mirror_keeps_the_models_of_a_run_whose_makers_are_gone_and_a_joiner_gets_them_there()
    {
        await using var mesh = new TestMesh();
        string seed = await StartTrainersAsync(mesh, Run with { Gradients = 200 });
        string mirror = await mesh.Start("mirror", mesh.Member("mirror", seed) with { Join = RunIdOf(Run with { Gradients = 200 }) }).Listens.WaitAsync(TestMesh.Limit);
        await mesh.UntilAsync(
            () => mesh.Events<Mirrored>("mirror").Any(m => m.Round == 20), () => $"the mirror has {string.Join(", ", mesh.Events<Mirrored>("mirror").Select(m => m.Round))}");
        foreach (string name in (string[])["a", "b", "c"])
        {
            await mesh[name].StopAsync(TimeSpan.FromSeconds(60));
        }

        mesh.Start("late", mesh.Trainer("late", mirror, Run, 3, 4) with { Run = null, Join = RunIdOf(Run with { Gradients = 200 })[..16] });
        RunFinished finished = await mesh["late"].Finished.WaitAsync(TestMesh.Limit);
        Assert.Equal((20, 3), (mesh.Events<JoinedLate>("late").Single().Round, mesh.Events<JoinedLate>("late").Single().Makers.Count));
        Assert.True(finished.Accuracy > 0.7, $"accuracy {finished.Accuracy}");
    }

    private static string RunId => RunIdOf(Run);

    private static string RunIdOf(RunSettings run) => Convert.ToHexStringLower(run.ComputeRunId());

    private static async Task<string> StartTrainersAsync(TestMesh mesh, RunSettings? run = null)
    {
        string seed = await mesh.FoundAsync("a", mesh.Trainer("a", null, run ?? Run, 0, 4));
        foreach ((string name, int share) in (ReadOnlySpan<(string, int)>)[("b", 1), ("c", 2)])
        {
            mesh.Start(name, mesh.Trainer(name, seed, run ?? Run, share, 4) with { Run = null });
        }

        return seed;
    }
}
