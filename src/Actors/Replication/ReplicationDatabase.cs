using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Actors.Replication;

/// <summary>The replicated state of one node in a file, so that a mesh whose nodes all restart has lost nothing.</summary>
/// <remarks>
/// One thread of its own writes. An own statement is on the disk before it is replicated, and only then answered for; what comes from others, and what
/// is pruned, follows with the next write. What is waiting while one transaction is written goes into the next one together. Outlives rebuilt
/// actor systems. Safe for several threads.
/// </remarks>
public sealed class ReplicationDatabase : IAsyncDisposable
{
    /// <summary>Own statements that wait for the disk, at most; a node makes one or two a round.</summary>
    public const int MaxWaiting = 256;

    /// <summary>How often a disk that fails is written about.</summary>
    internal static readonly TimeSpan LogInterval = TimeSpan.FromMinutes(1);

    /// <summary>When writing is tried again although nothing is new.</summary>
    internal static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly DurableTables _tables;
    private readonly Action<IReadOnlyList<TableChange>> _apply;
    private readonly ReplicationStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ReplicationImage _image = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _retry;
    private List<(object Item, TaskCompletionSource<bool> Done)> _waiting = []; // under the gate, as the next
    private bool _closing;
    private IReadOnlyList<TableChange> _bad; // the writer's own, as the following
    private List<object> _promised = [];
    private long? _failedAt;

    private ReplicationDatabase(
        DurableTables tables,
        ReplicationContent content,
        ReplicationStore store,
        TimeProvider time,
        ILogger log,
        Action<IReadOnlyList<TableChange>>? apply)
    {
        (_tables, _store, _time, _log, _apply) = (tables, store, time, log, apply ?? tables.Apply);
        _bad = content.Bad;
        _image.ChangesTo(content.State, out Action onDisk);
        onDisk();
        store.Restore(content.State);
        store.Database = this;
        _retry = time.CreateTimer(_ => _wake.Set(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        DroppedRows = content.Bad.Count;
        new Thread(Loop) { IsBackground = true, Name = "replication" }.Start();
    }

    /// <summary>Rows that could not be used when the file was opened, and are gone with the next write.</summary>
    public int DroppedRows { get; }

    /// <summary>Opens a file, making it when missing, loads what it holds into the store, and saves from now on what the store takes.</summary>
    /// <param name="path">The file; the caller sees to it that no other process uses it.</param>
    /// <param name="store">Before its actor system starts.</param>
    /// <param name="time">For the pace of messages about a failing disk.</param>
    /// <param name="log">Where those go.</param>
    /// <exception cref="DurableTablesException">The file is damaged, of a newer version, or cannot be read or written.</exception>
    public static ReplicationDatabase Open(string path, ReplicationStore store, TimeProvider time, ILogger log) =>
        Open(path, store, time, log, apply: null);

    /// <summary>Looks at the file of a node that does not run.</summary>
    /// <param name="path">The file; it need not be there.</param>
    /// <param name="repair">Deletes bad rows, and puts a damaged file aside as <c>.damaged</c>, in the place of an earlier one.</param>
    /// <exception cref="IOException">Reading or repairing failed.</exception>
    public static ReplicationReport Check(string path, bool repair)
    {
        if (!File.Exists(path))
        {
            return new ReplicationReport(0, 0, null, null, false);
        }

        try
        {
            using DurableTables tables = DurableTables.Open(path);
            if (tables.FindFault() is { } fault)
            {
                throw new DurableTablesException(DurableTablesProblem.Damaged, $"{path}: {fault}");
            }

            var content = ReplicationContent.Load(tables, new Ed25519Verifier());
            bool repaired = repair && content.Bad.Count > 0;
            tables.Apply(repaired ? content.Bad : []);
            return new ReplicationReport(content.RowCount, content.Bad.Count, null, null, repaired);
        }
        catch (DurableTablesException e) when (e.Problem == DurableTablesProblem.Damaged)
        {
            return new ReplicationReport(0, 0, e.Message, repair ? SetAside(path) : null, repair);
        }
        catch (DurableTablesException e) when (e.Problem == DurableTablesProblem.NewerVersion)
        {
            return new ReplicationReport(0, 0, e.Message, null, false);
        }
    }

    /// <summary>Writes what waits, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _closing = true;
        }

        _wake.Set();
        await _ended.Task;
        await _retry.DisposeAsync();
        _tables.Dispose();
    }

    /// <summary>Opens a file with another way of writing.</summary>
    internal static ReplicationDatabase Open(
        string path, ReplicationStore store, TimeProvider time, ILogger log, Action<IReadOnlyList<TableChange>>? apply)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(time);
        var tables = DurableTables.Open(path);
        try
        {
            var content = ReplicationContent.Load(tables, store.Verifier);
            if (content.Bad.Count > 0)
            {
                log.RowsDropped(content.Bad.Count);
            }

            return new ReplicationDatabase(tables, content, store, time, log, apply);
        }
        catch
        {
            tables.Dispose();
            throw;
        }
    }

    /// <summary>Puts an own statement on the disk.</summary>
    /// <param name="item">A contribution or an attestation, signed.</param>
    /// <returns>True once it is there; false when it is not, because the disk failed or the node stops.</returns>
    internal Task<bool> SaveAsync(object item)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_closing || _waiting.Count >= MaxWaiting)
            {
                return Task.FromResult(false);
            }

            _waiting.Add((item, done));
        }

        _wake.Set();
        return done.Task;
    }

    /// <summary>The store has changed: brings the disk up with it, soon.</summary>
    internal void SaveSoon() => _wake.Set();

    private static string SetAside(string path)
    {
        string aside = path + ".damaged";
        foreach (string suffix in (string[])["", "-wal", "-shm"])
        {
            if (File.Exists(path + suffix))
            {
                File.Move(path + suffix, aside + suffix, overwrite: true);
            }
        }

        return aside;
    }

    private void Loop()
    {
        bool closing;
        do
        {
            _wake.WaitOne();
            List<(object Item, TaskCompletionSource<bool> Done)> batch;
            lock (_gate)
            {
                (batch, _waiting) = (_waiting, []);
                closing = _closing;
            }

            bool saved = TrySave([.. batch.Select(saving => saving.Item)]);
            batch.ForEach(saving => saving.Done.SetResult(saved));
        }
        while (!closing);

        _ended.SetResult();
    }

    /// <summary>Brings the disk up with the store and these own statements, in one transaction.</summary>
    private bool TrySave(IReadOnlyList<object> own)
    {
        // What was promised by an earlier write, but has not come out of the replicator yet, must not be taken for pruned.
        ReplicationState held = _store.State;
        List<object> promised = [.. _promised.Concat(own).Where(item => !held.Covers(item))];
        List<TableChange> changes = _image.ChangesTo(promised.Aggregate(held, (state, item) => state.With(item)), out Action commit);
        try
        {
            _apply([.. _bad, .. changes]);
        }
        catch (DurableTablesException e)
        {
            NoteFailure(e);
            return false;
        }

        commit();
        (_bad, _promised) = ([], promised);
        if (_failedAt is not null)
        {
            _failedAt = null;
            _log.SavedAgain();
        }

        return true;
    }

    private void NoteFailure(DurableTablesException e)
    {
        if (_failedAt is not { } last || _time.GetElapsedTime(last) >= LogInterval)
        {
            _failedAt = _time.GetTimestamp();
            _log.NotSaved(e.Message);
        }

        _retry.Change(RetryInterval, Timeout.InfiniteTimeSpan);
    }
}
