using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Storage in one SQLite file: values, providers and announcements survive a restart.</summary>
/// <remarks>
/// A change is handed over to one background task, which writes all that waits in a round, in transactions of
/// <see cref="MaxChangesPerTransaction"/>: so a flood costs a few flushes of the disk a second and not one a request. Of each id only the latest
/// change waits, and at most <see cref="MaxPendingIds"/> wait; a change beyond is not written, so that entry is as it was after a restart, and the
/// flush that covers it fails. A round that fails is tried again after <see cref="RetryInterval"/>. Safe for several threads. The owner disposes it
/// after the last user, and all that was handed over is written before that ends.
/// </remarks>
public sealed class SqliteKadStorage : IKadStorage, IAsyncDisposable
{
    /// <summary>Ids of changes that wait at once: as many as the stores hold by their defaults, 16,384 values and 65,536 providers.</summary>
    public const int MaxPendingIds = 16_384 + 65_536;

    /// <summary>Changes of one transaction: the log stays below some 10 MiB, and reading is not held up long.</summary>
    public const int MaxChangesPerTransaction = 1_024;

    /// <summary>How long after a failure writing is tried again.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);

    private readonly DurableTables _tables;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly PendingChanges _pending = new(MaxPendingIds); // this and all below under the lock
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly Task _writer;

    // At most one signal: the task takes all that waits.
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private TaskCompletionSource<IOException?> _next = NewRound(); // ends with what became of all that waits now
    private TaskCompletionSource<IOException?>? _current; // of the round that is being written; null between rounds
    private bool _leftOut; // a change of the next round had no room
    private bool _isFailing;
    private bool _closed;

    private SqliteKadStorage(DurableTables tables, TimeProvider time, ILogger log)
    {
        (_tables, _time, _log) = (tables, time, log);
        _writer = Task.Run(WriteAsync);
    }

    /// <summary>Opens the file, making it when missing. Reads all of it once.</summary>
    /// <exception cref="DurableTablesException">Damaged, of a newer version, or it cannot be read or written.</exception>
    public static SqliteKadStorage Open(string path, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        return new SqliteKadStorage(DurableTables.Open(path), time, loggers.CreateLogger<SqliteKadStorage>());
    }

    /// <inheritdoc/>
    public IReadOnlyList<KadStoredEntry> Load(KadTable table) =>
        [.. _tables.Load((int)table).Select(e => new KadStoredEntry(table, e.Id, e.Content))];

    /// <inheritdoc/>
    public void Save(KadStoredEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        HandOver(new TableChange((int)entry.Table, entry.Id, entry.Content));
    }

    /// <inheritdoc/>
    public void Delete(KadTable table, ReadOnlyMemory<byte> id) => HandOver(new TableChange((int)table, id, null));

    /// <inheritdoc/>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        Task<IOException?> round;
        lock (_lock)
        {
            if (_pending.Count == 0 && !_leftOut && _current is null)
            {
                return;
            }

            round = _pending.Count > 0 || _leftOut ? _next.Task : _current!.Task;
        }

        if (await round.WaitAsync(cancellationToken).ConfigureAwait(false) is { } failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
        }

        _wake.Writer.Complete();
        await _closing.CancelAsync().ConfigureAwait(false);
        await _writer.ConfigureAwait(false);
        _tables.Dispose();
    }

    private static TaskCompletionSource<IOException?> NewRound() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void HandOver(TableChange change)
    {
        lock (_lock)
        {
            _leftOut |= _closed || !_pending.TryAdd(change);
        }

        _wake.Writer.TryWrite(true);
    }

    private async Task WriteAsync()
    {
        while (await _wake.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            _wake.Reader.TryRead(out _);
            if (!WriteRound())
            {
                await Task.Delay(RetryInterval, _time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                _wake.Writer.TryWrite(true);
            }
        }

        WriteRound();
        lock (_lock)
        {
            _next.TrySetResult(new IOException("the storage is closed"));
        }
    }

    /// <summary>Writes all that waits now.</summary>
    /// <returns>False when that failed.</returns>
    private bool WriteRound()
    {
        IReadOnlyList<TableChange> changes;
        TaskCompletionSource<IOException?> round;
        bool leftOut;
        lock (_lock)
        {
            (changes, round, leftOut) = (_pending.Take(), _next, _leftOut);
            (_current, _next, _leftOut) = (round, NewRound(), false);
        }

        IOException? failure = TryApply(changes, out int made);
        lock (_lock)
        {
            _pending.PutBack(changes.Skip(made));
            _current = null;
        }

        Report(failure);
        round.SetResult(failure ?? (leftOut ? new IOException("too much waits to be written") : null));
        return failure is null;
    }

    private DurableTablesException? TryApply(IReadOnlyList<TableChange> changes, out int made)
    {
        made = 0;
        try
        {
            foreach (TableChange[] chunk in changes.Chunk(MaxChangesPerTransaction))
            {
                _tables.Apply(chunk);
                made += chunk.Length;
            }

            return null;
        }
        catch (DurableTablesException e)
        {
            return e;
        }
    }

    private void Report(IOException? failure)
    {
        if (failure is not null && !_isFailing)
        {
            KadLog.StorageFailed(_log, failure.Message);
        }
        else if (failure is null && _isFailing)
        {
            KadLog.StorageWorks(_log);
        }

        _isFailing = failure is not null;
    }
}
