using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;

namespace P2PLearn.Actors.Monitoring;

/// <summary>The event log: JSON lines in a file that is rotated, and a stream for whoever watches.</summary>
/// <remarks>
/// Events are queued and written by one task. When the disk cannot keep up, the queue drops its oldest events and the log says how many
/// with a <c>dropped</c> line, so that training never waits for a log.
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
    private readonly string? _path;
    private readonly long _maxBytes;
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
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        _path = path;
        _maxBytes = maxBytes;
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
        FileStream? file = Open();
        await foreach (MeshEvent happened in _queue.Reader.ReadAllAsync())
        {
            if (happened is Flush flush)
            {
                flush.Done.SetResult();
                continue;
            }

            string line = JsonSerializer.Serialize(happened, Json);
            _watch?.Invoke(happened, line);
            file = await AppendAsync(file, line);
        }

        if (file is not null)
        {
            await file.DisposeAsync();
        }
    }

    private async Task<FileStream?> AppendAsync(FileStream? file, string line)
    {
        if (file is null)
        {
            return null;
        }

        long dropped = Interlocked.Exchange(ref _dropped, 0);
        string text = dropped > 0 ? $"{{\"event\":\"dropped\",\"count\":{dropped}}}\n{line}\n" : line + "\n";
        try
        {
            await file.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text));
            await file.FlushAsync();
            return file.Length < _maxBytes ? file : await RotateAsync(file);
        }
        catch (IOException)
        {
            return file; // a full disk must not stop the node; the next event tries again
        }
    }

    private async Task<FileStream?> RotateAsync(FileStream file)
    {
        await file.DisposeAsync();
        File.Move(_path!, _path + ".1", overwrite: true);
        return Open();
    }

    private FileStream? Open() =>
        _path is null ? null : new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);

    private sealed record Flush(TaskCompletionSource Done) : MeshEvent;
}
