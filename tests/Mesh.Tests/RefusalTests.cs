using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;

namespace P2PLearn.Mesh.Tests;

/// <summary>Input that cannot be used ends in one clear line and exit code 2.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly Folders _folders = new();

    [Theory]
    [InlineData("--frobnicate", "node", "--frobnicate")]
    [InlineData("'p2plearn cluster --help'", "cluster")]
    [InlineData("--nodes", "simulate", "--nodes", "many")]
    [InlineData("gradients is 310, but must be a multiple of local-steps", "simulate", "--gradients", "310")]
    [InlineData("unknown attack 'bite'", "simulate", "--attack", "bite")]
    [InlineData("unknown aggregator 'blend'", "demo", "--aggregator", "blend")]
    [InlineData("--nodes is 1, but must be 2 to 32", "demo", "--nodes", "1")]
    [InlineData("more honest nodes than attackers", "demo", "--nodes", "4", "--attackers", "2")]
    [InlineData("run.topology: centred-clipping against 2 Byzantine needs 5 models", "demo", "--topology", "el-push:2")]
    [InlineData("unknown topology 'star': use all, ring", "demo", "--topology", "star")]
    [InlineData("neither a mesh to join nor leave to found one", "node")]
    [InlineData("run.topology: unknown topology 'star': use all, ring", "node", "--found", "--topology", "star")]
    [InlineData("run.topology: rpel-pull:4 of 3 nodes: the number must be in [1, 2]", "node", "--found", "--topology", "rpel-pull:4")]
    [InlineData("run.topology: krum against 1 Byzantine needs 5 models", "node", "--found", "--min-peers", "9", "--topology", "ring", "--aggregator", "krum")]
    [InlineData("run.guard is 2, but must be 0 to faulty (1)", "node", "--found", "--guard", "2")]
    [InlineData("seed 'nonsense'", "node", "--seed", "nonsense")]
    [InlineData("must end in /p2p/", "node", "--seed", "/ip4/127.0.0.1/tcp/4001")]
    [InlineData("listen address '/ip4/300.0.0.1/tcp/1'", "node", "--found", "--listen", "/ip4/300.0.0.1/tcp/1")]
    [InlineData("--share 'half' is not of the form 0/3", "node", "--found", "--data", "mnist:data/mnist", "--share", "half")]
    [InlineData("data.share is 3, but must be 0 to 2", "node", "--found", "--data", "mnist:data/mnist", "--share", "3/3")]
    [InlineData("write mnist:FOLDER", "node", "--found", "--data", "cifar:here")]
    [InlineData("run.model 'gpt' is not known; use", "node", "--found", "--data", "mnist:data/mnist", "--model", "gpt")]
    [InlineData("mesh.key is not a mesh key", "node", "--found", "--mesh", "home:short")]
    [InlineData("no node answers at 127.0.0.1:9", "cluster", "show", "--host", "127.0.0.1:9")]
    [InlineData("no such data directory", "cluster", "show", "--data-dir", "no/such/folder")]
    [InlineData("no/such.json: cannot read the configuration", "node", "--config", "no/such.json")]
    public async Task One_line_says_what_is_wrong(string expected, params string[] arguments)
    {
        string[] all = arguments[0] == "node" ? [.. arguments, "--data-dir", _folders["node"]] : arguments;
        Assert.Contains(expected, await Cli.RefusedAsync(all), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_key_of_the_configuration_is_named_with_its_line()
    {
        string file = _folders["bad.json"];
        await File.WriteAllTextAsync(file, "{\n  \"found\": true,\n  \"lisen\": []\n}", TestContext.Current.CancellationToken);
        Assert.Contains("bad.json:3: unknown key 'lisen'; known here: data_dir, listen", await Cli.RefusedAsync("node", "--config", file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unreadable_data_is_named()
    {
        string folder = _folders["data"];
        Directory.CreateDirectory(folder);
        string said = await Cli.RefusedAsync("node", "--found", "--data-dir", _folders["node"], "--data", "mnist:" + folder);
        Assert.Contains(folder, said, StringComparison.Ordinal);
        foreach (string file in Directory.EnumerateFiles(Folders.Mnist, "*.gz"))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        string images = Path.Combine(folder, "train-images-idx3-ubyte.gz");
        await File.WriteAllTextAsync(images, "not a picture", TestContext.Current.CancellationToken);
        said = await Cli.RefusedAsync("node", "--found", "--data-dir", _folders["node"], "--data", "mnist:" + folder);
        Assert.Contains("train-images-idx3-ubyte", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        string said = await Cli.RefusedAsync("node", "--found", "--data-dir", _folders["node"], "--listen", $"/ip4/127.0.0.1/tcp/{port}");
        Assert.Contains($"cannot listen on /ip4/127.0.0.1/tcp/{port}", said, StringComparison.Ordinal);
        said = await Cli.RefusedAsync("node", "--found", "--data-dir", _folders["node"], "--listen", "/ip4/127.0.0.1/tcp/0", "--management-port", $"{port}");
        Assert.Contains($"management port {port} is in use", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_directory_in_use_is_named()
    {
        await using var mesh = new TestMesh();
        await mesh.FoundAsync("a", mesh.Member("a", null));
        string said = await Cli.RefusedAsync("node", "--found", "--data-dir", mesh.Folders["a"]);
        Assert.Contains("another node uses this data directory", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_peer_at_an_address_another_mesh_and_another_key_are_told_apart()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        using KeyPair stranger = KeyPair.Generate();
        string wrongPeer = seed[..(seed.LastIndexOf('/') + 1)] + stranger.PeerId;
        string[] node = ["node", "--listen", "/ip4/127.0.0.1/tcp/0", "--management-port", "0"];
        string said = await Cli.RefusedAsync([.. node, "--data-dir", _folders["b"], "--seed", wrongPeer, "--mesh", "test:" + mesh.Key]);
        Assert.Contains(stranger.PeerId.ToString(), said, StringComparison.Ordinal);

        said = await Cli.RefusedAsync([.. node, "--data-dir", _folders["c"], "--seed", seed, "--mesh", "other:" + mesh.Key]);
        Assert.Contains("other", said, StringComparison.Ordinal);
        Assert.Contains("mesh", said, StringComparison.Ordinal);

        said = await Cli.RefusedAsync([.. node, "--data-dir", _folders["d"], "--seed", seed, "--mesh", "test:" + MeshKey.Generate()]);
        Assert.Contains("key", said, StringComparison.Ordinal);

        said = await Cli.RefusedAsync([.. node, "--data-dir", _folders["e"], "--seed", seed]);
        Assert.Contains("the mesh key is missing", said, StringComparison.Ordinal);
    }

    public void Dispose() => _folders.Dispose();
}
