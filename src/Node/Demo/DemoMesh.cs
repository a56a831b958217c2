using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Data;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Demo;

/// <summary>The demo's nodes: their keys, configurations and processes.</summary>
public sealed class DemoMesh : IAsyncDisposable
{
    /// <summary>How long a node may take from its start to its first listening line.</summary>
    public static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly DemoOptions _options;
    private readonly string _root;
    private readonly List<NodeProcess> _processes = [];
    private readonly string _meshKey = MeshKey.Generate().ToString();

    /// <summary>Makes keys and folders; starts nothing.</summary>
    public DemoMesh(DemoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _root = options.Keep ?? Directory.CreateTempSubdirectory("p2plearn-demo-").FullName;
        Nodes = [.. Enumerable.Range(0, options.Nodes).Select(Prepare)];
    }

    /// <summary>The nodes, honest ones first.</summary>
    public IReadOnlyList<DemoNode> Nodes { get; }

    /// <summary>The nodes that follow the protocol.</summary>
    public IEnumerable<DemoNode> Honest => Nodes.Where(n => !n.Attacks);

    /// <summary>The settings that all nodes get.</summary>
    public RunSettings Settings => SettingsOf(_options);

    /// <summary>The processes started so far, in the order of <see cref="Nodes"/>.</summary>
    public IReadOnlyList<NodeProcess> Processes => _processes;

    /// <summary>The settings that the nodes of a demo get.</summary>
    public static RunSettings SettingsOf(DemoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new RunSettings
        {
            Model = options.Model,
            Aggregator = options.Aggregator,
            Faulty = options.Attackers,
            Topology = options.Topology,
            Guard = options.Guard,
            MinPeers = options.Nodes,
            Gradients = options.Gradients,
            LocalSteps = options.LocalSteps,
            MixingRounds = options.MixingRounds,
            ExchangePrecision = options.ExchangePrecision,
            Batch = options.Batch,
            LearningRate = options.LearningRate,
            DecaySteps = options.DecaySteps,
            Seed = options.Seed,
            MinDeadline = TimeSpan.FromSeconds(2),
            MaxDeadline = TimeSpan.FromSeconds(15),
        };
    }

    /// <summary>Starts the founder, and when it listens all others at once.</summary>
    public async Task StartAsync(Action<NodeProcess, MeshEvent> onEvent, CancellationToken cancellationToken)
    {
        NodeProcess founder = StartNode(Nodes[0], seed: null, onEvent);
        string seed = await founder.Listens.WaitAsync(StartLimit, cancellationToken);
        foreach (DemoNode node in Nodes.Skip(1))
        {
            StartNode(node, seed, onEvent);
        }
    }

    /// <summary>Waits until every honest node has finished.</summary>
    public async Task<IReadOnlyList<RunFinished>> FinishAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(_processes.Zip(Nodes).Where(p => !p.Second.Attacks).Select(p => p.First.Finished)).WaitAsync(cancellationToken);

    /// <summary>Lets all nodes leave the cluster.</summary>
    public Task StopAsync() => Task.WhenAll(_processes.Select(p => p.StopAsync(TimeSpan.FromSeconds(8))));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (NodeProcess process in _processes)
        {
            await process.DisposeAsync();
        }

        if (_options.Keep is null)
        {
            Directory.Delete(_root, recursive: true);
        }
    }

    private DemoNode Prepare(int index)
    {
        bool attacks = index >= _options.Nodes - _options.Attackers;
        string name = attacks ? $"attacker-{index - (_options.Nodes - _options.Attackers) + 1}" : $"node-{index + 1}";
        string folder = Path.Combine(_root, name);
        using DataDirectory data = DataDirectory.Open(folder);
        using KeyPair key = IdentityFile.LoadOrCreate(data.IdentityFile);
        return new DemoNode(index, name, folder, key.PeerId.ToString(), attacks);
    }

    private NodeProcess StartNode(DemoNode node, string? seed, Action<NodeProcess, MeshEvent> onEvent)
    {
        string file = Path.Combine(_root, node.Name + ".json");
        File.WriteAllText(file, JsonSerializer.Serialize(Configure(node, seed), ConfigFile.Json));
        NodeProcess process = NodeProcess.Start(node.Name, node.DataDir, file, onEvent);
        _processes.Add(process);
        return process;
    }

    private NodeOptions Configure(DemoNode node, string? seed)
    {
        int honest = _options.Nodes - _options.Attackers;
        return new NodeOptions
        {
            DataDir = node.DataDir,
            Listen = ["/ip4/127.0.0.1/tcp/0"],
            Seeds = seed is null ? [] : [seed],
            Found = seed is null,
            Mesh = new MeshSection { Name = "demo", Key = _meshKey },
            Management = new ManagementSection { Port = 0 },
            Run = Settings,
            Plugins = [.. _options.Plugins.Select(Path.GetFullPath)],
            Data = new DataSection
            {
                Source = DataSource.Parse(_options.Data).WithAbsolutePath(), // kept configurations work from any folder
                Partition = _options.Partition,
                Share = node.Index % honest,
                Shares = honest,
                Seed = _options.Seed,
            },
            Attack = node.Attacks
                ? new AttackSection { Name = _options.Attack, Colluders = [.. AccomplicesOf(node)] }
                : null,
        };
    }

    private IEnumerable<string> AccomplicesOf(DemoNode node) => Nodes.Where(n => n.Attacks && n != node).Select(n => n.PeerId);
}

/// <summary>One node of the demo.</summary>
/// <param name="Index">From 0; honest nodes first.</param>
/// <param name="Name">What tables call it.</param>
/// <param name="DataDir">Its data directory.</param>
/// <param name="PeerId">Base58.</param>
/// <param name="Attacks">Whether it attacks.</param>
public sealed record DemoNode(int Index, string Name, string DataDir, string PeerId, bool Attacks);
