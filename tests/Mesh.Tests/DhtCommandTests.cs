using System.Text.Json;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Mesh.Tests;

/// <summary>The distributed hash table of running nodes, by its commands.</summary>
public sealed class DhtCommandTests
{
    private const string Content = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Values_content_and_peers_of_one_node_are_found_from_another()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        foreach (string name in (string[])["b", "c"])
        {
            mesh.Start(name, mesh.Member(name, seed));
        }

        await mesh.UntilAsync(() => mesh.Events<MembersChanged>("c").LastOrDefault()?.Up == 3, () => "c is not up");
        await UntilAsync(async () => JsonDocument.Parse(await DhtAsync("b", "stats", "--json")).RootElement is var stats
            && stats.GetProperty("peers").GetInt32() == 2 && stats.GetProperty("server").GetBoolean());

        string[] put = (await DhtAsync("b", "put", "notes/today", "loss 0.31")).Split('\n');
        Assert.Equal($"{PeerOf("b")}/notes/today", put[0]);
        Assert.Equal("kept by 2 of 2 nodes asked", put[1]);
        Assert.Equal("loss 0.31\n", await DhtAsync("c", "get", put[0]));
        await DhtAsync("b", "put", "notes/today", "loss 0.29");
        Assert.Equal("loss 0.29\n", await DhtAsync("a", "get", put[0])); // the newer one wins

        await DhtAsync("a", "provide", Content);
        Assert.StartsWith(PeerOf("a"), await DhtAsync("c", "find-providers", Content), StringComparison.Ordinal);
        Assert.Contains($"/p2p/{PeerOf("b")}", await DhtAsync("c", "find-peer", PeerOf("b")), StringComparison.Ordinal);

        Assert.Contains("nobody who was asked has a value", await RefusedAsync("get", $"{PeerOf("b")}/other"), StringComparison.Ordinal);
        Assert.Contains("is no CID", await RefusedAsync("provide", "hello"), StringComparison.Ordinal);
        Assert.Contains("is no peer id", await RefusedAsync("find-peer", "hello"), StringComparison.Ordinal);
        Assert.Contains("is no key of a value", await RefusedAsync("get", "hello"), StringComparison.Ordinal);

        string PeerOf(string name) => mesh.Events<NodeStarted>(name).Single().PeerId;

        async Task<string> DhtAsync(string name, params string[] arguments)
        {
            CliResult result = await Cli.RunAsync(Limit, ["dht", .. arguments, "--data-dir", mesh.Folders[name]]);
            Assert.True(result.ExitCode == 0, result.Error);
            return result.Output;
        }

        Task<string> RefusedAsync(params string[] arguments) => Cli.RefusedAsync(["dht", .. arguments, "--data-dir", mesh.Folders["a"]]);
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (long start = TimeProvider.System.GetTimestamp(); !await holds();)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Limit, "the nodes do not know each other");
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        }
    }
}
