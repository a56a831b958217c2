using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;

namespace P2PLearn.Actors.Monitoring;

/// <summary>The event log: JSON lines in a file that is rotated, and a stream for whoever watches.</summary>
/// <remarks>
/// Events are queued and written by one task. When the disk cannot keep up, the queue drops its oldest events; when it is full, events are
/// dropped until there is room. The log says how many with a <c>dropped</c> line; training never waits for a log, nor ends with it. A last line
/// that a crash has torn is ended, and noted with a <c>torn_line</c>. An event is written before it is shown, so what was shown is in the file
/// after kill -9; one that cannot be written is shown all the same.
/// </remarks>
public sealed class EventLog : IEventSink, IAsyncDisposable
{
    /// <summary>How events are written, here and on the command line.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.Strict,
    };

    /// <summary>Events waiting to be written: some minutes of a busy node.</summary>
    public const int MaxQueued = 4096;

    private readonly Channel<MeshEvent> _queue;
    private readonly EventFile? _file;
    private readonly Action<MeshEvent, string>? _watch;
    private readonly TimeProvider _time;
    private readonly Task _writer;
    private long _dropped;

    /// <summary>Opens the log.</summary>
    /// <param name="path">The file; null = watch only. At <paramref name="maxBytes"/> it becomes <c>path.1</c>, replacing an older one.</param>
    /// <param name="maxBytes">Size at which the file is rotated.</param>
    /// <param name="watch">Called for each event with its JSON line, one at a time.</param>
    /// <param name="time">The clock.</param>
    public EventLog(string? path, long maxBytes, Action<MeshEvent, string>? watch, TimeProvider time)
        : this(path, maxBytes, watch, time, EventFile.OpenFile)
    {
    }

    internal EventLog(string? path, long maxBytes, Action<MeshEvent, string>? watch, TimeProvider time, Func<string, Stream> open)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        _file = path is null ? null : new EventFile(path, maxBytes, open);
        _watch = watch;
        _time = time;
        _queue = Channel.CreateBounded<MeshEvent>(
            new BoundedChannelOptions(MaxQueued) { SingleReader = true, FullMode = BoundedChannelFullMode.DropOldest },
            Drop);
        _writer = Task.Run(WriteAsync);
    }

    /// <inheritdoc/>
    public void Record(MeshEvent happened)
    {
        ArgumentNullException.ThrowIfNull(happened);
        _queue.Writer.TryWrite(happened with { At = _time.GetUtcNow() });
    }

    /// <summary>Waits until what was recorded so far has been written and shown.</summary>
    public async Task FlushAsync()
    {
        var flush = new Flush(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        if (_queue.Writer.TryWrite(flush))
        {
            await flush.Done.Task;
        }
    }

    /// <summary>Writes what is queued and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer;
    }

    private void Drop(MeshEvent happened)
    {
        Interlocked.Increment(ref _dropped);
        (happened as Flush)?.Done.SetResult();
    }

    private async Task WriteAsync()
    {
        await foreach (MeshEvent happened in _queue.Reader.ReadAllAsync())
        {
            if (happened is Flush flush)
            {
                flush.Done.SetResult();
            }
            else
            {
                await WriteAsync(happened);
            }
        }

        if (_file is not null)
        {
            await _file.DisposeAsync();
        }
    }

    /// <summary>Writes an event, and before it what has to be noted of the log itself; shows what is written, and the event in any case.</summary>
    private async Task WriteAsync(MeshEvent happened)
    {
        long torn = 0;
        bool isOpen = _file?.TryOpen(out torn) ?? true;
        long dropped = Interlocked.Exchange(ref _dropped, 0);
        List<MeshEvent> events = [];
        if (torn > 0)
        {
            events.Add(new TornLine(torn) { At = happened.At });
        }

        if (dropped > 0)
        {
            events.Add(new EventsDropped(dropped) { At = happened.At });
        }

        events.Add(happened);
        string[] lines = [.. events.Select(e => JsonSerializer.Serialize(e, Json))];
        bool isWritten = isOpen && (_file is null || await _file.TryAppendAsync(lines));
        if (!isWritten)
        {
            Interlocked.Add(ref _dropped, dropped + 1); // a full disk must not stop the node
        }

        for (int i = isWritten ? 0 : lines.Length - 1; i < lines.Length; i++)
        {
            _watch?.Invoke(events[i], lines[i]);
        }
    }

    private sealed record Flush(TaskCompletionSource Done) : MeshEvent;
}
