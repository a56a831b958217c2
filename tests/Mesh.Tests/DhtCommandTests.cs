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

    [Fact]
    public async Task What_a_node_put_and_provides_is_announced_again_after_kill_9()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        mesh.Start("b", mesh.Member("b", seed));
        await UntilAsync(async () => await PeersAsync("b") == 1 && await PeersAsync("a") == 1);
        string[] put = (await DhtAsync("b", "put", "notes/today", "loss 0.31")).Split('\n');
        Assert.Equal("kept by 1 of 1 nodes asked", put[1]);
        await DhtAsync("a", "put", "notes/other", "loss 0.42");
        await DhtAsync("b", "provide", Content);
        mesh["b"].Kill();
        await mesh["b"].DisposeAsync();

        mesh.Start("b", mesh.Member("b", seed));
        await UntilAsync(async () => await PeersAsync("b") == 1);
        JsonElement stats = await StatsAsync("b");
        Assert.Equal(2, stats.GetProperty("announcements").GetInt32());
        Assert.Equal(2, stats.GetProperty("records").GetInt32()); // its own, and that of a
        Assert.Equal("loss 0.31\n", await DhtAsync("b", "get", put[0]));

        // One that was not there before hears of it: the provider is told again at once, with the address that it has now.
        mesh.Start("c", mesh.Member("c", seed));
        await UntilAsync(async () => await PeersAsync("c") == 2);
        string found = await DhtAsync("c", "find-providers", Content);
        Assert.StartsWith(mesh.Events<NodeStarted>("b").Last().PeerId, found, StringComparison.Ordinal);
        Assert.Equal("loss 0.31\n", await DhtAsync("c", "get", put[0]));

        async Task<JsonElement> StatsAsync(string name) => JsonDocument.Parse(await DhtAsync(name, "stats", "--json")).RootElement;

        async Task<int> PeersAsync(string name) => (await Cli.RunAsync(Limit, ["dht", "stats", "--json", "--data-dir", mesh.Folders[name]])) is { ExitCode: 0 } answer
            ? JsonDocument.Parse(answer.Output).RootElement.GetProperty("peers").GetInt32()
            : -1; // it is not up yet

        async Task<string> DhtAsync(string name, params string[] arguments)
        {
            CliResult result = await Cli.RunAsync(Limit, ["dht", .. arguments, "--data-dir", mesh.Folders[name]]);
            Assert.True(result.ExitCode == 0, result.Error);
            return result.Output;
        }
    }

    [Fact]
    public async Task A_damaged_file_of_the_table_is_one_clear_line()
    {
        await using var mesh = new TestMesh();
        Directory.CreateDirectory(mesh.Folders["a"]);
        string file = Path.Combine(mesh.Folders["a"], "dht.db");
        await File.WriteAllTextAsync(file, "no database");
        string line = await Cli.RefusedAsync("node", "--data-dir", mesh.Folders["a"], "--found", "--listen", "/ip4/127.0.0.1/tcp/0", "--management-port", "0");
        Assert.Contains($"{file} is damaged: ", line, StringComparison.Ordinal);
        Assert.EndsWith("; run 'p2plearn doctor --repair' to put it aside and start anew", line, StringComparison.Ordinal);
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
