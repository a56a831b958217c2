using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>A js-libp2p peer in a process of its own, driven by lines of JSON.</summary>
internal sealed class JsPeer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _reading;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonObject>> _waiting = new();
    private int _lastId;

    private JsPeer(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    public PeerId Peer { get; private set; } = null!;

    public Multiaddr Address { get; private set; } = null!;

    /// <summary>Starts a peer, or skips the test where Node or its packages are missing.</summary>
    /// <param name="early">Whether it agrees on the muxer within the Noise handshake.</param>
    /// <param name="script">Which of the scripts in the folder it runs.</param>
    /// <param name="options">What the script's <c>start</c> is told besides.</param>
    public static async Task<JsPeer> StartAsync(
        bool early = true, string script = "peer.mjs", params (string Name, JsonNode? Value)[] options)
    {
        string folder = FindFolder();
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(folder, "node_modules")), $"no node_modules: run `npm ci` in {folder}");
        var info = new ProcessStartInfo("node", script)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        Process? process = null;
        try
        {
            process = Process.Start(info);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("no node on this machine");
        }

        var peer = new JsPeer(process!);
        JsonObject started = await peer.AskAsync("start", [("early", early), .. options]);
        peer.Peer = PeerId.Parse((string)started["peer"]!);
        peer.Address = Multiaddr.Parse((string)started["addresses"]![0]!);
        return peer;
    }

    /// <summary>Sends a command and awaits its answer.</summary>
    /// <exception cref="InvalidOperationException">The peer answered with an error.</exception>
    public async Task<JsonObject> AskAsync(string command, params (string Name, JsonNode? Value)[] arguments)
    {
        int id = Interlocked.Increment(ref _lastId);
        var waiting = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = waiting;
        var message = new JsonObject { ["id"] = id, ["command"] = command };
        foreach ((string name, JsonNode? value) in arguments)
        {
            message[name] = value;
        }

        string line = message.ToJsonString();
        lock (_process)
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }

        JsonObject answer = await waiting.Task.LimitAsync($"js to {command}");
        return answer["error"] is { } error
            ? throw new InvalidOperationException($"js failed to {command}: {error}")
            : answer;
    }

    /// <summary>What js learned by identify; waits for it.</summary>
    public async Task<JsonObject> IdentifiedAsync(PeerId peer)
    {
        JsonObject answer = [];
        await UntilAsync(
            async () => (bool)(answer = await AskAsync("info", ("peer", peer.ToString())))["identified"]!,
            "js has identified us");
        return answer;
    }

    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Within.Limit, $"waited for: {what}");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close(); // the script ends with its input
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var answer = (JsonObject)JsonNode.Parse(line)!;
            if (_waiting.TryRemove((int)answer["id"]!, out TaskCompletionSource<JsonObject>? waiting))
            {
                waiting.SetResult(answer);
            }
        }

        foreach (TaskCompletionSource<JsonObject> waiting in _waiting.Values)
        {
            waiting.TrySetException(new InvalidOperationException("the js peer has ended"));
        }
    }

    private static string FindFolder()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string folder = Path.Combine(at.FullName, "tests", "Interop.Tests", "js");
            if (File.Exists(Path.Combine(folder, "peer.mjs")))
            {
                return folder;
            }
        }

        throw new DirectoryNotFoundException("tests/Interop.Tests/js is above none of the folders of this program");
    }
}
