using System.Collections.Concurrent;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Demo;

namespace P2PLearn.Mesh.Tests;

/// <summary>A mesh of real node processes on loopback, whose events a test awaits.</summary>
internal sealed class TestMesh : IAsyncDisposable
{
    /// <summary>Longest wait for anything: far beyond what a loaded machine needs.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private readonly Folders _folders = new();
    private readonly Dictionary<string, NodeProcess> _processes = [];
    private readonly ConcurrentDictionary<string, ConcurrentQueue<MeshEvent>> _events = new();
    private readonly SemaphoreSlim _news = new(0);

    public string Key { get; } = MeshKey.Generate().ToString();

    public Folders Folders => _folders;

    public NodeProcess this[string name] => _processes[name];

    /// <summary>A trainer's options; the founder has no seed.</summary>
    public NodeOptions Trainer(string name, string? seed, RunSettings run, int share, int shares) => Member(name, seed) with
    {
        Run = run,
        Data = new DataSection { Source = "mnist:" + Folders.Mnist, Partition = "dirichlet:1", Share = share, Shares = shares },
    };

    /// <summary>A plain member's options.</summary>
    public NodeOptions Member(string name, string? seed) => new()
    {
        DataDir = _folders[name],
        Listen = ["/ip4/127.0.0.1/tcp/0"],
        Seeds = seed is null ? [] : [seed],
        Found = seed is null,
        Mesh = new MeshSection { Name = "test", Key = Key },
        Management = new ManagementSection { Port = 0 },
    };

    public NodeProcess Start(string name, NodeOptions options)
    {
        string file = _folders[name + ".json"];
        File.WriteAllText(file, JsonSerializer.Serialize(options, ConfigFile.Json));
        NodeProcess process = NodeProcess.Start(name, options.DataDir, file, Note);
        _processes[name] = process;
        return process;
    }

    /// <summary>Starts a founder and waits for its address.</summary>
    public async Task<string> FoundAsync(string name, NodeOptions options) => await Start(name, options).Listens.WaitAsync(Limit);

    public IEnumerable<T> Events<T>(string name)
        where T : MeshEvent => _events.TryGetValue(name, out ConcurrentQueue<MeshEvent>? events) ? events.OfType<T>() : [];

    public int Round(string name) => Events<RoundCompleted>(name).Select(e => e.Round).DefaultIfEmpty().Max();

    /// <summary>Waits until the events say so; looks again at each event.</summary>
    public async Task UntilAsync(Func<bool> holds, Func<string> state)
    {
        using var deadline = new CancellationTokenSource(Limit);
        try
        {
            while (!holds())
            {
                await _news.WaitAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"not within {Limit}: {state()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NodeProcess process in _processes.Values)
        {
            await process.DisposeAsync();
        }

        _folders.Dispose();
        _news.Dispose();
    }

    private void Note(NodeProcess process, MeshEvent happened)
    {
        _events.GetOrAdd(process.Name, _ => new ConcurrentQueue<MeshEvent>()).Enqueue(happened);
        _news.Release();
    }
}
