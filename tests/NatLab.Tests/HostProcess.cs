using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using P2PLearn.TestKit;

namespace P2PLearn.NatLab.Tests;

/// <summary>A peer or probe program inside a host of a laboratory, driven by lines.</summary>
public sealed class HostProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly List<JsonObject> _events = [];
    private readonly Queue<string> _errors = new();
    private readonly Task _reading;
    private readonly Task _readingErrors;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _ended;
    private int _disposed;
    private int _lastId;

    public HostProcess(string host, string[] command)
    {
        Host = host;
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in command[1..])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        _reading = ReadAsync();
        _readingErrors = ReadErrorsAsync();
    }

    public string Host { get; }

    /// <summary>The first event.</summary>
    public JsonObject Started { get; set; } = [];

    /// <summary>The peer's id.</summary>
    public string Peer => (string)Started["peer"]!;

    /// <summary>All events so far.</summary>
    public IReadOnlyList<JsonObject> Events
    {
        get
        {
            lock (_gate)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>Runs a command and returns its result.</summary>
    /// <exception cref="InvalidOperationException">The command failed.</exception>
    public Task<JsonNode?> AskAsync(string command) => AskAsync(command, Within.Limit);

    /// <summary>Runs a command that may take so long, and returns its result.</summary>
    /// <exception cref="InvalidOperationException">The command failed, or the process ended.</exception>
    public async Task<JsonNode?> AskAsync(string command, TimeSpan limit)
    {
        string id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        lock (_process)
        {
            _process.StandardInput.WriteLine($"{id} {command}");
            _process.StandardInput.Flush();
        }

        JsonObject answer = await EventAsync(e => (string?)e["id"] == id, $"answer to: {command}", limit);
        return (string?)answer["event"] == "done"
            ? answer["result"]
            : throw new InvalidOperationException($"{Host}, {command}: {answer["kind"]}: {answer["error"]}");
    }

    /// <summary>Awaits the first event of a name, from the beginning.</summary>
    public Task<JsonObject> EventAsync(string name) => EventAsync(e => (string?)e["event"] == name, name);

    /// <summary>Awaits the first event that fits, from the beginning.</summary>
    public Task<JsonObject> EventAsync(Func<JsonObject, bool> fits, string what) => EventAsync(fits, what, Within.Limit);

    /// <summary>Awaits the first event that fits, from the beginning.</summary>
    public async Task<JsonObject> EventAsync(Func<JsonObject, bool> fits, string what, TimeSpan limit)
    {
        long began = Stopwatch.GetTimestamp();
        for (int at = 0; ;)
        {
            Task news;
            lock (_gate)
            {
                for (; at < _events.Count; at++)
                {
                    if (fits(_events[at]))
                    {
                        return _events[at];
                    }
                }

                if (_ended)
                {
                    throw new InvalidOperationException($"{Host} ended before: {what}. {Describe()}");
                }

                news = _news.Task;
            }

            TimeSpan left = limit - Stopwatch.GetElapsedTime(began);
            if (left <= TimeSpan.Zero || await Task.WhenAny(news, Task.Delay(left)) != news)
            {
                throw new TimeoutException($"{Host}, waited {limit.TotalSeconds:0} s for: {what}. {Describe()}");
            }
        }
    }

    /// <summary>Ends the program by the end of its input. Harmless when repeated: the laboratory ends what a test has not.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        try
        {
            lock (_process)
            {
                _process.StandardInput.Close(); // the program ends with its input
            }

            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            Kill();
        }

        await Task.WhenAll(_reading, _readingErrors);
        _process.Dispose();
    }

    /// <summary>Ends the process the hard way.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // Gone already.
        }
    }

    private string Describe()
    {
        lock (_gate)
        {
            return $"Last events: {string.Join("; ", _events.TakeLast(12).Select(e => e.ToJsonString()))} Errors: {string.Join(" | ", _errors)}";
        }
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            Add(JsonNode.Parse(line)!.AsObject());
        }

        Add(null);
    }

    private void Add(JsonObject? happened)
    {
        TaskCompletionSource news;
        lock (_gate)
        {
            if (happened is null)
            {
                _ended = true;
            }
            else
            {
                _events.Add(happened);
            }

            news = _news;
            _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        news.SetResult();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_gate)
            {
                _errors.Enqueue(line);
                if (_errors.Count > 40)
                {
                    _errors.Dequeue();
                }
            }
        }
    }
}
