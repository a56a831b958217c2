using Microsoft.Data.Sqlite;

namespace P2PLearn.Networking.Storage;

/// <summary>Entries by table and id in one SQLite file: what <see cref="Apply"/> was given is on the disk when it returns.</summary>
/// <remarks>
/// Write-ahead log with synchronous=FULL: so it survives kill -9 and the loss of power. Nothing is held in memory. Safe for several threads,
/// which wait for each other; one process at a time, which the owner of the folder sees to.
/// </remarks>
public sealed class DurableTables : IDisposable
{
    private const long Version = 1;

    private const string Schema = """
        CREATE TABLE IF NOT EXISTS entries (kind INTEGER NOT NULL, id BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (kind, id));
        PRAGMA user_version = 1;
        """;

    private readonly string _path;
    private readonly Lock _lock = new();
    private readonly SqliteDatabase _database; // all below under the lock
    private readonly SqliteCommand _put;
    private readonly SqliteCommand _delete;
    private bool _disposed;

    private DurableTables(string path, SqliteDatabase database)
    {
        (_path, _database) = (path, database);
        _put = database.Command("INSERT OR REPLACE INTO entries VALUES ($kind, $id, $content)", "$kind", "$id", "$content");
        _delete = database.Command("DELETE FROM entries WHERE kind = $kind AND id = $id", "$kind", "$id");
    }

    /// <summary>Opens a file, making it when missing. Reads all of it once, to find damage now rather than later.</summary>
    /// <exception cref="DurableTablesException">Damaged, of a newer version, or it cannot be read or written.</exception>
    public static DurableTables Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SqliteDatabase? database = null;
        try
        {
            database = new SqliteDatabase(path);
            long found = database.Version;
            if (found > Version)
            {
                throw new DurableTablesException(
                    DurableTablesProblem.NewerVersion, $"{path} has version {found}, this program knows {Version}");
            }

            if (database.QuickCheck() is { } fault)
            {
                throw new DurableTablesException(DurableTablesProblem.Damaged, $"{path} is damaged: {OneLine(fault)}");
            }

            database.UseDurableLog();
            database.InTransaction(() => database.Execute(Schema));
            return new DurableTables(path, database);
        }
        catch (Exception e)
        {
            database?.Dispose();
            if (ProblemOf(e, path) is { } problem)
            {
                throw problem;
            }

            throw;
        }
    }

    /// <summary>All entries of a table, ascending by id, compared as unsigned bytes.</summary>
    /// <exception cref="DurableTablesException">The file is damaged, or reading failed.</exception>
    public IReadOnlyList<StoredEntry> Load(int table) => Do(() =>
    {
        using SqliteCommand command = _database.Command("SELECT id, content FROM entries WHERE kind = $kind ORDER BY id", "$kind");
        command.Parameters[0].Value = table;
        using SqliteDataReader row = command.ExecuteReader();
        List<StoredEntry> found = [];
        while (row.Read())
        {
            found.Add(new StoredEntry(row.GetFieldValue<byte[]>(0), row.GetFieldValue<byte[]>(1)));
        }

        return found;
    });

    /// <summary>Makes the changes in their order, all of them or none: they are on the disk when this returns.</summary>
    /// <exception cref="DurableTablesException">The disk is full, the file is damaged, or writing failed: nothing has changed.</exception>
    public void Apply(IReadOnlyList<TableChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (changes.Count == 0)
        {
            return;
        }

        Do(() =>
        {
            _database.InTransaction(() => Write(changes));
            return true;
        });
    }

    /// <summary>Reads the whole file and compares index with table.</summary>
    /// <returns>What is wrong, one line for a person; null when it is sound.</returns>
    public string? FindFault()
    {
        try
        {
            return Do(_database.IntegrityCheck) is { } fault ? OneLine(fault) : null;
        }
        catch (DurableTablesException e)
        {
            return e.Message;
        }
    }

    /// <summary>Closes the file; what was applied is there already. Twice is harmless.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _put.Dispose();
            _delete.Dispose();
            _database.Dispose();
        }
    }

    private static DurableTablesException? ProblemOf(Exception e, string path)
    {
        if (e is DurableTablesException known)
        {
            return known;
        }

        if (!SqliteProblems.IsOfTheMachine(e))
        {
            return null;
        }

        string said = OneLine(e.Message);
        return SqliteProblems.IsDamaged(e) ? new DurableTablesException(DurableTablesProblem.Damaged, $"{path} is damaged: {said}", e)
            : SqliteProblems.IsDiskFull(e) ? new DurableTablesException(DurableTablesProblem.DiskFull, $"the disk of {path} is full", e)
            : new DurableTablesException(DurableTablesProblem.Failed, $"{path} cannot be read or written: {said}", e);
    }

    // SQLite speaks of a tree and its page on several lines.
    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private void Write(IReadOnlyList<TableChange> changes)
    {
        foreach (TableChange change in changes)
        {
            byte[] id = change.Id.ToArray();
            if (change.Content is { } content)
            {
                SqliteDatabase.Run(_put, change.Table, id, content.ToArray());
            }
            else
            {
                SqliteDatabase.Run(_delete, change.Table, id);
            }
        }
    }

    private T Do<T>(Func<T> work)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                return work();
            }
            catch (Exception e) when (ProblemOf(e, _path) is { } problem)
            {
                throw problem;
            }
        }
    }
}
