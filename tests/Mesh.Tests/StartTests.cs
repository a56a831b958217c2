using System.Net;
using System.Net.Sockets;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>Nodes find each other however they are started.</summary>
public sealed class StartTests
{
    private const int Nodes = 8;

    [Fact]
    public Task Eight_nodes_started_at_the_same_moment_form_one_cluster() => FormAsync(repetitions: 2);

    [Fact(Explicit = true)]
    public Task Long_the_same_twenty_times() => FormAsync(repetitions: 20);

    [Fact]
    public async Task A_node_that_leaves_is_removed_and_never_called_unreachable()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        mesh.Start("b", mesh.Member("b", seed));
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").LastOrDefault()?.Up == 2, () => "b is not up");
        await mesh["b"].StopAsync(TimeSpan.FromSeconds(60));
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").Last().Up == 1, () => "b is still a member");
        Assert.DoesNotContain(mesh.Events<MembersChanged>("a"), e => e.Unreachable > 0);
        Assert.Single(mesh.Events<NodeStopped>("b"));
    }

    [Fact]
    public async Task The_terminate_signal_leaves_gracefully()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no SIGTERM on Windows");
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        mesh.Start("b", mesh.Member("b", seed));
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").LastOrDefault()?.Up == 2, () => "b is not up");
        using (System.Diagnostics.Process kill = System.Diagnostics.Process.Start("kill", ["-TERM", $"{mesh["b"].ProcessId}"]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").Last().Up == 1, () => "b is still a member");
        await mesh.UntilAsync(() => mesh.Events<NodeStopped>("b").Any(), () => "b has not said that it stopped");
        Assert.DoesNotContain(mesh.Events<MembersChanged>("a"), e => e.Unreachable > 0);
    }

    private static async Task FormAsync(int repetitions)
    {
        for (int repetition = 0; repetition < repetitions; repetition++)
        {
            await using var mesh = new TestMesh();
            int port = FreePort();
            NodeOptions founder = mesh.Member("n0", null) with { Listen = [$"/ip4/127.0.0.1/tcp/{port}"] };
            string peer = (await Cli.RunAsync(TimeSpan.FromSeconds(60), "keygen", "--data-dir", founder.DataDir)).Output.Trim();
            string seed = $"/ip4/127.0.0.1/tcp/{port}/p2p/{peer}";
            for (int i = Nodes - 1; i > 0; i--)
            {
                mesh.Start($"n{i}", mesh.Member($"n{i}", seed)); // before the founder listens
            }

            mesh.Start("n0", founder);
            string[] all = [.. Enumerable.Range(0, Nodes).Select(i => $"n{i}")];
            await mesh.UntilAsync(
                () => all.All(n => mesh.Events<MembersChanged>(n).LastOrDefault() is { Up: Nodes, Unreachable: 0 }),
                () => $"repetition {repetition}: " + string.Join(", ", all.Select(n => $"{n} {mesh.Events<MembersChanged>(n).LastOrDefault()?.Up} up")));
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
