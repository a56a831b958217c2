using System.Text.Json;
using System.Text.Json.Nodes;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Configuration;

namespace P2PLearn.NatLab.Tests;

/// <summary>Real daemons of one mesh in the hosts of a laboratory, each with a data directory of its own.</summary>
/// <param name="laboratory">Owned.</param>
internal sealed class LabDaemons(Laboratory laboratory) : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("p2plearn-natlab-");
    private readonly string _key = MeshKey.Generate().ToString();
    private readonly Dictionary<string, HostProcess> _processes = [];
    private string? _seed;

    public Laboratory Laboratory { get; } = laboratory;

    public IReadOnlyCollection<HostProcess> Processes => _processes.Values;

    public HostProcess this[string host] => _processes[host];

    /// <summary>Starts a daemon: the first founds, the others join through the first.</summary>
    /// <param name="host">Where.</param>
    /// <param name="more">What else its configuration says.</param>
    public async Task<HostProcess> StartAsync(string host, Func<NodeOptions, NodeOptions>? more = null)
    {
        var options = new NodeOptions
        {
            DataDir = FolderOf(host),
            Listen = ["/ip4/0.0.0.0/tcp/4001"],
            Seeds = _seed is null ? [] : [_seed],
            Found = _seed is null,
            Mesh = new MeshSection { Name = "lab", Key = _key },
        };
        string file = FolderOf(host) + ".json";
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(more?.Invoke(options) ?? options, ConfigFile.Json));
        HostProcess process = _processes[host] = Laboratory.StartProgram(host, Program, "node", "--config", file, "--json");
        JsonObject listening = await process.EventAsync(
            e => (string?)e["event"] == "listening" && ((string)e["address"]!).Contains(Laboratory[host].Address, StringComparison.Ordinal), "it listens", Limit);
        _seed ??= (string)listening["address"]!;
        return process;
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

    /// <summary>The folder of the images of handwritten digits.</summary>
    public static string Mnist()
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

    private static string Program => Path.Combine(AppContext.BaseDirectory, "p2plearn");

    private string FolderOf(string host) => Path.Combine(_folder.FullName, host);
}
