using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;

namespace P2PLearn.Mesh.Tests;

/// <summary>Nodes that die as in a power cut come back and finish; the others never stop.</summary>
public sealed class KillTests
{
    [Fact]
    public Task A_killed_node_rejoins_and_finishes_and_the_others_never_stop() => KillAsync(nodes: 5, faulty: 1, [2]);

    [Fact(Explicit = true)]
    public Task Long_a_killed_node_rejoins_where_each_node_mixes_three_others_a_round() => KillAsync(nodes: 6, faulty: 1, [2], "rpel-pull:3");

    [Fact(Explicit = true)]
    public Task Long_two_killed_nodes_rejoin_and_finish_and_the_others_never_stop() => KillAsync(nodes: 7, faulty: 2, [3, 5]);

    private static async Task KillAsync(int nodes, int faulty, int[] killed, string? topology = null)
    {
        await using var mesh = new TestMesh();
        var run = new RunSettings { Faulty = faulty, Topology = topology, MinPeers = nodes, Gradients = 1200, MaxDeadline = TimeSpan.FromSeconds(10) };
        string seed = await mesh.FoundAsync("n0", mesh.Trainer("n0", null, run, 0, nodes));
        for (int i = 1; i < nodes; i++)
        {
            mesh.Start($"n{i}", mesh.Trainer($"n{i}", seed, run, i, nodes));
        }

        string[] all = [.. Enumerable.Range(0, nodes).Select(i => $"n{i}")];
        string[] dead = [.. killed.Select(i => $"n{i}")];
        string[] others = [.. all.Except(dead)];
        string State() => string.Join(", ", all.Select(n => $"{n} round {mesh.Round(n)}"));
        await mesh.UntilAsync(() => all.All(n => mesh.Round(n) >= 3), State);

        string[] before = [.. dead.Select(n => mesh.Events<NodeStarted>(n).First().PeerId)];
        foreach (string name in dead)
        {
            mesh[name].Kill();
        }

        int reached = others.Max(mesh.Round);
        await mesh.UntilAsync(() => others.All(n => mesh.Round(n) >= reached + 3), State); // they never stop
        foreach (int i in killed)
        {
            await mesh[$"n{i}"].DisposeAsync();
            mesh.Start($"n{i}", mesh.Trainer($"n{i}", seed, run, i, nodes));
        }

        await mesh.UntilAsync(() => all.All(n => mesh.Events<RunFinished>(n).Any()), State);
        Assert.Equal(before, dead.Select(n => mesh.Events<NodeStarted>(n).Last().PeerId));
        Assert.All(all, n => Assert.InRange(mesh.Events<RunFinished>(n).Last().Accuracy!.Value, 0.85, 1));
        Assert.All(all, n => Assert.Empty(mesh.Events<EquivocationFound>(n))); // what was announced before the kill was never contradicted
        Assert.All(dead, n => Assert.True(mesh.Events<RunStarted>(n).Last().Round >= 3, "it went on from its progress file"));

        // On a busy machine one of them may fall behind at the start and jump a round or two; it never stops.
        Assert.All(others, n => Assert.InRange(mesh.Events<RoundCompleted>(n).Select(r => r.Round).Distinct().Count(), 50, 60));
    }
}
