using System.Diagnostics;
using System.Text.Json;
using P2PLearn.Node.Demo;
using P2PLearn.Node.Management;

namespace P2PLearn.Mesh.Tests;

/// <summary><c>p2plearn model pull --json</c> as a process beside the node, and what it says as it goes.</summary>
internal sealed class CrashPull : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly Process _process;
    private readonly CrashTold _told;
    private readonly Task<string> _error;
    private readonly Task _reader;
    private readonly SemaphoreSlim _lines = new(0);
    private volatile PullEventView? _first;
    private volatile PullEventView? _last;

    /// <summary>Starts a pull.</summary>
    /// <param name="root">The model.</param>
    /// <param name="node">Fetches it, and owes from now on what this pull says is here.</param>
    /// <param name="from">Peer id of a node that has it.</param>
    public CrashPull(string root, CrashNode node, string from)
    {
        string[] arguments = ["model", "pull", root, "--json", "--data-dir", node.Folder, "--from", from, "--timeout", "00:01:00"];
        _told = node.Told;
        _process = Process.Start(new ProcessStartInfo(NodeProcess.Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _error = _process.StandardError.ReadToEndAsync();
        _reader = ReadAsync();
    }

    /// <summary>How far it was when blocks began to come; null as long as none did.</summary>
    public PullEventView? First => _first;

    /// <summary>Whether the model is here and kept.</summary>
    public bool IsDone => _last is { Type: "done" };

    /// <summary>Whether the process has ended.</summary>
    public bool HasEnded => _reader.IsCompleted;

    /// <summary>Waits for so many lines of progress, or the end.</summary>
    public async Task LinesAsync(int count)
    {
        for (int i = 0; i < count && !HasEnded; i++)
        {
            await _lines.WaitAsync(TestMesh.Limit);
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>What was said as an error.</returns>
    public async Task<string> EndAsync()
    {
        await _reader.WaitAsync(TestMesh.Limit);
        return await _error;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _reader;
        await _error;
        _process.Dispose();
        _lines.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            Note(JsonSerializer.Deserialize<PullEventView>(line, Json)!);
            _lines.Release();
        }

        await _process.WaitForExitAsync();
        _lines.Release();
    }

    private void Note(PullEventView said)
    {
        _last = said;
        if (said.BlockCount > 0)
        {
            _first ??= said;
            _told.Blocks[said.Root] = Math.Max(_told.Blocks.GetValueOrDefault(said.Root), said.BlocksDone);
        }

        if (said.Type == "kept")
        {
            _told.Models.Add(said.Root);
        }
    }
}
