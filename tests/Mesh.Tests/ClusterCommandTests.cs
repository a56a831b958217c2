using System.Text.Json;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Mesh.Tests;

/// <summary>The cluster commands against running nodes.</summary>
public sealed class ClusterCommandTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_commands_show_and_change_the_cluster()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        mesh.Start("b", mesh.Member("b", seed));
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").LastOrDefault()?.Up == 2, () => "b is not up");
        string data = mesh.Folders["a"];
        string host = $"127.0.0.1:{mesh.Events<NodeStarted>("a").Single().ManagementPort}";
        string peerB = mesh.Events<NodeStarted>("b").Single().PeerId;

        string show = await OutputAsync("show", "--data-dir", data);
        string[] lines = show.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("Count: 2 nodes", lines[^1]);
        Assert.All(lines[..^1], line => Assert.Matches(@"^akka\.p2p://P2PLearn@k51[a-z0-9]{59}:4001 \| \[observer\] \| up \|  \| \d+\.\d+\.\d+$", line));
        Assert.Equal(lines[..^1], lines[..^1].Order(StringComparer.Ordinal));

        JsonElement json = JsonDocument.Parse(await OutputAsync("show", "--json", "--host", host)).RootElement;
        Assert.Equal(2, json.GetProperty("members").GetArrayLength());
        Assert.Equal(JsonValueKind.String, json.GetProperty("members")[0].GetProperty("nodeUid").ValueKind);
        string[] addresses = (await OutputAsync("members", "--data-dir", data)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains((await OutputAsync("leader", "--data-dir", data)).Trim(), addresses);
        Assert.Contains(" | up | ", await OutputAsync("status", "--data-dir", data), StringComparison.Ordinal);
        Assert.Equal("", await OutputAsync("unreachable", "--data-dir", data));
        Assert.Equal("No unreachable members\n", await OutputAsync("down-unreachable", "--data-dir", data));

        Assert.Contains("read-only", await Cli.RefusedAsync("cluster", "leave", peerB, "--host", host), StringComparison.Ordinal);
        Assert.Contains("not found", await Cli.RefusedAsync("cluster", "down", "12D3KooWnobody", "--data-dir", data), StringComparison.Ordinal);
        Assert.StartsWith("Leaving akka.p2p://", await OutputAsync("leave", peerB, "--data-dir", data), StringComparison.Ordinal);
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").Last().Up == 1, () => "b is still a member");
        await mesh.UntilAsync(() => mesh.Events<NodeStopped>("b").Any(), () => "b has not ended");
    }

    [Fact]
    public async Task A_downed_node_comes_back_by_itself()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        mesh.Start("b", mesh.Member("b", seed));
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("a").LastOrDefault()?.Up == 2, () => "b is not up");
        string peerB = mesh.Events<NodeStarted>("b").Single().PeerId;
        Assert.StartsWith("Downing ", await OutputAsync("down", peerB, "--data-dir", mesh.Folders["a"]), StringComparison.Ordinal);
        await mesh.UntilAsync(() => mesh.Events<SystemRebuilt>("b").Any(), () => "b has not noticed");
        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("b").Last().Up == 2 && mesh.Events<MembersChanged>("a").Last().Up == 2, () => "b is not back");
        Assert.Single(mesh.Events<NodeStarted>("b")); // the same process, a new actor system
    }

    private static async Task<string> OutputAsync(params string[] arguments)
    {
        CliResult result = await Cli.RunAsync(Limit, ["cluster", .. arguments]);
        Assert.True(result.ExitCode == 0, $"exit code {result.ExitCode}: {result.Error}");
        return result.Output;
    }
}
