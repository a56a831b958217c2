using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using P2PLearn.Actors.Training;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Configuration;

namespace P2PLearn.NatLab.Tests;

/// <summary>The README's mesh of real daemons behind NATs: two nodes behind each of two NATs, one of them symmetric, and one public node.</summary>
public sealed class MeshInLabTests
{
    private const int Nodes = 5;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);

    private static readonly RunSettings Run = new()
    {
        Model = "mlp", Gradients = 300, MinPeers = Nodes, Faulty = 1, MaxDeadline = TimeSpan.FromSeconds(10),
    };

    [Fact]
    public async Task Nodes_behind_a_symmetric_and_a_port_restricted_NAT_train_to_the_end_with_a_public_one()
    {
        await using var mesh = await Mesh.UpAsync();
        await mesh.StartAsync();

        double[] accuracies = await Task.WhenAll(mesh.Processes.Select(FinishedAsync));
        NatReport(await mesh.NatAsync("a1"), await mesh.NatAsync("b1"));

        Assert.All(accuracies, a => Assert.True(a > 0.9, $"accuracy {a}"));
        Assert.All(mesh.Processes, p => Assert.DoesNotContain(p.Events, e => (string?)e["event"] == "rebuilt"));
    }

    [Fact]
    public async Task A_router_that_reboots_while_they_train_stops_nobody()
    {
        await using var mesh = await Mesh.UpAsync();
        await mesh.StartAsync();
        await Task.WhenAll(mesh.Processes.Select(p => p.EventAsync(e => Round(e) >= 4, "round 4, or a later one", Limit)));

        DateTimeOffset dark = TimeProvider.System.GetUtcNow();
        await mesh.Laboratory.RunAsync("reboot", "B", "3");

        double[] accuracies = await Task.WhenAll(mesh.Processes.Select(FinishedAsync));
        Assert.All(accuracies, a => Assert.True(a > 0.9, $"accuracy {a}"));
        double longest = mesh.Processes.SelectMany(p => p.Events).Where(e => Round(e) > 0).Max(e => WaitSince(e, dark));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"longest wait of a round with a router dark for 3 s: {longest:0} ms"));
    }

    /// <summary>How long a round waited since a moment, in milliseconds; negative when it was over by then.</summary>
    private static double WaitSince(JsonObject e, DateTimeOffset moment) =>
        Math.Min((double)e["wait_milliseconds"]!, (DateTimeOffset.Parse((string)e["at"]!, CultureInfo.InvariantCulture) - moment).TotalMilliseconds);

    private static int Round(JsonObject e) => (string?)e["event"] == "round" ? (int)e["round"]! : 0;

    private static async Task<double> FinishedAsync(HostProcess process) =>
        (double)(await process.EventAsync(e => (string?)e["event"] == "finished", "the end of the run", Limit))["accuracy"]!;

    private static void NatReport(params JsonObject[] views)
    {
        foreach (JsonObject view in views)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(view.ToJsonString());
            Assert.NotEqual("unknown", (string?)view["state"]);
            Assert.Equal(Nodes - 1, view["peers"]!.AsArray().Count(p => (bool)p!["isMember"]!));
        }
    }

    /// <summary>Five daemons in a laboratory.</summary>
    private sealed class Mesh : IAsyncDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("p2plearn-natlab-");
        private readonly string _key = MeshKey.Generate().ToString();
        private readonly Dictionary<string, HostProcess> _processes = [];

        private Mesh(Laboratory laboratory) => Laboratory = laboratory;

        public Laboratory Laboratory { get; }

        public IReadOnlyCollection<HostProcess> Processes => _processes.Values;

        public static async Task<Mesh> UpAsync() =>
            new(await Laboratory.UpAsync("--delay", "10", "--jitter", "1", "A=port-restricted", "B=symmetric"));

        public async Task StartAsync()
        {
            HostProcess founder = Start("relay", null, 0);
            JsonObject listening = await founder.EventAsync(
                e => (string?)e["event"] == "listening" && ((string)e["address"]!).Contains(Laboratory["relay"].Address, StringComparison.Ordinal),
                "the founder listens",
                Limit);
            int share = 1;
            foreach (string host in (string[])["a1", "a2", "b1", "b2"])
            {
                Start(host, (string)listening["address"]!, share++);
            }
        }

        /// <summary>What <c>p2plearn nat --json</c> says in a host.</summary>
        public async Task<JsonObject> NatAsync(string host)
        {
            await using HostProcess nat = Laboratory.StartProgram(host, Program, "nat", "--json", "--data-dir", FolderOf(host));
            return await nat.EventAsync(_ => true, "the view", Limit);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (HostProcess process in _processes.Values)
            {
                process.Kill();
            }

            await Laboratory.DisposeAsync();
            _folder.Delete(recursive: true);
        }

        private static string Program => Path.Combine(AppContext.BaseDirectory, "p2plearn");

        private string FolderOf(string host) => Path.Combine(_folder.FullName, host);

        private HostProcess Start(string host, string? seed, int share)
        {
            var options = new NodeOptions
            {
                DataDir = FolderOf(host),
                Listen = ["/ip4/0.0.0.0/tcp/4001"],
                Seeds = seed is null ? [] : [seed],
                Found = seed is null,
                Mesh = new MeshSection { Name = "lab", Key = _key },
                Data = new DataSection { Source = "mnist:" + Mnist(), Partition = "dirichlet:1", Share = share, Shares = Nodes },
                Run = Run,
            };
            string file = Path.Combine(_folder.FullName, host + ".json");
            File.WriteAllText(file, JsonSerializer.Serialize(options, ConfigFile.Json));
            return _processes[host] = Laboratory.StartProgram(host, Program, "node", "--config", file, "--json");
        }

        private static string Mnist()
        {
            for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            {
                string folder = Path.Combine(at.FullName, "data", "mnist");
                if (Directory.Exists(folder))
                {
                    return folder;
                }
            }

            throw new DirectoryNotFoundException("data/mnist is above none of the folders of this program");
        }
    }
}
