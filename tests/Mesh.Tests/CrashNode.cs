using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Demo;

namespace P2PLearn.Mesh.Tests;

/// <summary>A node process that is killed and started again with the same directory, and remembers over its lives what it told.</summary>
internal sealed class CrashNode : IAsyncDisposable
{
    private readonly string _configFile;
    private readonly Lock _gate = new();
    private readonly List<MeshEvent> _events = []; // of all lives; under the gate, as the next
    private readonly List<(Func<MeshEvent, bool> Wanted, TaskCompletionSource Came)> _waiting = [];
    private NodeProcess? _process;

    public CrashNode(string name, NodeOptions options, string configFile)
    {
        (Name, Folder, _configFile) = (name, options.DataDir, configFile);
        File.WriteAllText(configFile, JsonSerializer.Serialize(options, ConfigFile.Json));
    }

    public string Name { get; }

    /// <summary>Its data directory.</summary>
    public string Folder { get; }

    /// <summary>What it has acknowledged. To be read while it is dead.</summary>
    public CrashTold Told { get; } = new();

    /// <summary>How many events it has told: a mark for <see cref="UntilAsync"/>.</summary>
    public int EventCount
    {
        get
        {
            lock (_gate)
            {
                return _events.Count;
            }
        }
    }

    private NodeProcess Process => _process ?? throw new InvalidOperationException($"{Name} does not run");

    public void Start() => _process = NodeProcess.Start(Name, Folder, _configFile, (_, happened) => Note(happened));

    /// <summary>Its address, once it listens.</summary>
    public Task<string> ListensAsync() => Process.Listens.WaitAsync(TestMesh.Limit);

    /// <summary>Kill -9; ends when the process is gone and all that it told has been read.</summary>
    public async Task KillAsync()
    {
        Process.Kill();
        await Process.DisposeAsync();
        _process = null;
    }

    /// <summary>Waits for some more events, whatever they are.</summary>
    public Task EventsAsync(int count)
    {
        int left = count;
        return UntilAsync(EventCount, _ => --left < 0, $"{count} more events");
    }

    /// <summary>Waits for an event.</summary>
    /// <param name="mark">Events before this one do not count.</param>
    /// <param name="wanted">Which; called once for each, in their order, one at a time.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public async Task UntilAsync(int mark, Func<MeshEvent, bool> wanted, string what)
    {
        var came = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_events.Skip(mark).Any(wanted))
            {
                return;
            }

            _waiting.Add((wanted, came));
        }

        NodeProcess process = Process;
        try
        {
            await (await Task.WhenAny(came.Task, process.Finished).WaitAsync(TestMesh.Limit));
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{Name}: {what}: not within {TestMesh.Limit}; its last events: {string.Join('\n', LastLines())}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }

    private string[] LastLines()
    {
        lock (_gate)
        {
            return [.. Told.Lines.TakeLast(10)];
        }
    }

    private void Note(MeshEvent happened)
    {
        lock (_gate)
        {
            _events.Add(happened);
            Told.Add(happened);
            foreach ((_, TaskCompletionSource came) in _waiting.Where(w => w.Wanted(happened)).ToArray())
            {
                came.TrySetResult();
            }

            _waiting.RemoveAll(w => w.Came.Task.IsCompleted);
        }
    }
}
