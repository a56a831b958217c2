using System.Diagnostics;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Demo;

/// <summary>One node daemon as a real child process: its events, its last words, its end.</summary>
public sealed class NodeProcess : IAsyncDisposable
{
    /// <summary>Lines of standard error kept for the message when a node dies.</summary>
    public const int KeptErrorLines = 20;

    private readonly Process _process;
    private readonly Queue<string> _errors = new();
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<RunFinished> _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reader;
    private readonly Task _errorReader;

    private NodeProcess(string name, string dataDir, Process process, Action<NodeProcess, MeshEvent> onEvent)
    {
        Name = name;
        DataDir = dataDir;
        _process = process;
        _reader = ReadAsync(onEvent);
        _errorReader = ReadErrorsAsync();
    }

    /// <summary>The program itself, beside this assembly.</summary>
    public static string Program { get; } =
        Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "p2plearn.exe" : "p2plearn");

    /// <summary>What tables call it.</summary>
    public string Name { get; }

    /// <summary>Its data directory.</summary>
    public string DataDir { get; }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Its first address, once it listens; faults when it ends before.</summary>
    public Task<string> Listens => _listening.Task;

    /// <summary>The end of its run; faults when the process ends before.</summary>
    public Task<RunFinished> Finished => _finished.Task;

    /// <summary>Starts <c>p2plearn node --config … --json</c> with this very program.</summary>
    public static NodeProcess Start(string name, string dataDir, string configFile, Action<NodeProcess, MeshEvent> onEvent)
    {
        var start = new ProcessStartInfo(Program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in (string[])["node", "--config", configFile, "--json"])
        {
            start.ArgumentList.Add(argument);
        }

        Process process = Process.Start(start) ?? throw new InvalidOperationException($"{Program} did not start");
        return new NodeProcess(name, dataDir, process, onEvent);
    }

    /// <summary>Ends the process the hard way, as a power cut would.</summary>
    public void Kill() => _process.Kill(entireProcessTree: true);

    /// <summary>Asks the node to leave the cluster; kills it when it has not gone in time.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        try
        {
            if (!_process.HasExited && DataDirectory.ReadManagementHost(DataDir) is { } host)
            {
                using var client = new ManagementClient(host, DataDirectory.ReadToken(DataDir));
                await client.LeaveAsync("self", limit.Token);
            }

            await _process.WaitForExitAsync(limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or UserErrorException)
        {
            KillIfAlive();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        KillIfAlive();
        await _process.WaitForExitAsync();
        await Task.WhenAll(_reader, _errorReader);
        _process.Dispose();
        _ = _finished.Task.Exception; // seen: nobody may have waited for a node that was killed on purpose
        _ = _listening.Task.Exception;
    }

    private void KillIfAlive()
    {
        try
        {
            Kill();
        }
        catch (InvalidOperationException)
        {
            // Gone already.
        }
    }

    private async Task ReadAsync(Action<NodeProcess, MeshEvent> onEvent)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (TryParse(line) is { } happened)
            {
                Note(happened);
                onEvent(this, happened);
            }
        }

        await _process.WaitForExitAsync();
        await _errorReader;
        var ended = new InvalidOperationException($"{Name} ended with code {_process.ExitCode}: {string.Join(" | ", _errors)}");
        _listening.TrySetException(ended);
        _finished.TrySetException(ended);
    }

    private void Note(MeshEvent happened)
    {
        if (happened is Listening listening)
        {
            _listening.TrySetResult(listening.Address);
        }
        else if (happened is RunFinished finished)
        {
            _finished.TrySetResult(finished);
        }
    }

    private static MeshEvent? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<MeshEvent>(line, Actors.Monitoring.EventLog.Json);
        }
        catch (JsonException)
        {
            return null; // a line of text among the events
        }
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            if (_errors.Count == KeptErrorLines)
            {
                _errors.Dequeue();
            }

            _errors.Enqueue(line);
        }
    }
}
