using Microsoft.Data.Sqlite;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Which blocks are held, how large, when they were last used, and what pins them: one SQLite file.</summary>
/// <remarks>
/// Write-ahead log with synchronous=FULL: what a method has written survives the loss of power. All that writes is called by one thread
/// at a time; <see cref="TryGetSize"/> and <see cref="ReadStats"/> have a connection of their own and wait for nobody.
/// </remarks>
internal sealed class BlockIndex : IDisposable
{
    private const long Version = 1;

    private const string Schema = """
        CREATE TABLE IF NOT EXISTS blocks (digest BLOB PRIMARY KEY, size INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS blocks_by_use ON blocks (used);
        CREATE TABLE IF NOT EXISTS pins (name TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (name, digest)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS pins_by_digest ON pins (digest);
        CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 0), open INTEGER NOT NULL);
        INSERT OR IGNORE INTO state VALUES (0, 0);
        PRAGMA user_version = 1;
        """;

    private readonly SqliteConnection _writer;
    private readonly SqliteConnection _reader;
    private readonly SqliteCommand _size; // under _reading
    private readonly Lock _reading = new();

    /// <exception cref="SqliteException">Not a database, damaged, or the disk failed.</exception>
    /// <exception cref="BlockStoreException">Of a newer version.</exception>
    public BlockIndex(string file)
    {
        _writer = Connect(file);
        try
        {
            long found = (long)Scalar("PRAGMA user_version")!;
            if (found > Version)
            {
                throw new BlockStoreException(BlockStoreProblem.NewerVersion, $"{file} has version {found}, this program knows {Version}");
            }

            Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;");
            Execute(Schema);
            WasOpen = (long)Scalar("SELECT open FROM state")! != 0;
            Execute("UPDATE state SET open = 1");
            _reader = Connect(file);
            _size = Command(_reader, "SELECT size FROM blocks WHERE digest = $digest", "$digest");
        }
        catch
        {
            _writer.Dispose();
            _reader?.Dispose();
            throw;
        }
    }

    /// <summary>The index was not closed before: files and index may differ.</summary>
    public bool WasOpen { get; }

    public bool TryGetSize(Cid cid, out int bytes)
    {
        lock (_reading)
        {
            _size.Parameters[0].Value = cid.Hash.Digest.ToArray();
            object? size = _size.ExecuteScalar();
            bytes = size is long value ? (int)value : 0;
            return size is not null;
        }
    }

    public (long Count, long Bytes, int Pins, long PinnedCount, long PinnedBytes) ReadStats()
    {
        lock (_reading)
        {
            using SqliteCommand command = Command(_reader, """
                SELECT (SELECT count(*) FROM blocks), (SELECT coalesce(sum(size), 0) FROM blocks), (SELECT count(DISTINCT name) FROM pins),
                       count(*), coalesce(sum(size), 0) FROM blocks WHERE digest IN (SELECT digest FROM pins)
                """);
            using SqliteDataReader row = command.ExecuteReader();
            row.Read();
            return (row.GetInt64(0), row.GetInt64(1), row.GetInt32(2), row.GetInt64(3), row.GetInt64(4));
        }
    }

    public void Add(IEnumerable<(Cid Cid, int Size, long Used)> blocks) => InTransaction(() =>
    {
        using SqliteCommand command = Command(
            _writer, "INSERT OR REPLACE INTO blocks VALUES ($digest, $size, $used)", "$digest", "$size", "$used");
        foreach ((Cid cid, int size, long used) in blocks)
        {
            Run(command, cid.Hash.Digest.ToArray(), size, used);
        }
    });

    public void Remove(IEnumerable<Cid> cids) => InTransaction(() =>
    {
        using SqliteCommand command = Command(_writer, "DELETE FROM blocks WHERE digest = $digest", "$digest");
        foreach (Cid cid in cids)
        {
            Run(command, cid.Hash.Digest.ToArray());
        }
    });

    public void Touch(IEnumerable<KeyValuePair<Cid, long>> uses) => InTransaction(() =>
    {
        using SqliteCommand command = Command(
            _writer, "UPDATE blocks SET used = max(used, $used) WHERE digest = $digest", "$used", "$digest");
        foreach ((Cid cid, long used) in uses)
        {
            Run(command, used, cid.Hash.Digest.ToArray());
        }
    });

    public void Pin(string name, IEnumerable<Cid> cids) => InTransaction(() =>
    {
        using SqliteCommand clear = Command(_writer, "DELETE FROM pins WHERE name = $name", "$name");
        Run(clear, name);
        using SqliteCommand add = Command(_writer, "INSERT OR IGNORE INTO pins VALUES ($name, $digest)", "$name", "$digest");
        foreach (Cid cid in cids)
        {
            Run(add, name, cid.Hash.Digest.ToArray());
        }
    });

    public bool Unpin(string name)
    {
        using SqliteCommand command = Command(_writer, "DELETE FROM pins WHERE name = $name", "$name");
        return Run(command, name) > 0;
    }

    /// <summary>The blocks that no pin has, used least recently first.</summary>
    public IReadOnlyList<(Cid Cid, int Size)> OldestUnpinned(int count) => Read(
        "SELECT digest, size FROM blocks b WHERE NOT EXISTS (SELECT 1 FROM pins p WHERE p.digest = b.digest) ORDER BY used LIMIT $count",
        row => (CidOf(row, 0), row.GetInt32(1)),
        ("$count", count));

    public Dictionary<Cid, int> ListBlocks() =>
        Read("SELECT digest, size FROM blocks", row => (Cid: CidOf(row, 0), Size: row.GetInt32(1))).ToDictionary(b => b.Cid, b => b.Size);

    public IReadOnlyList<(string Pin, Cid Cid)> ListPinnedButMissing() => Read(
        "SELECT name, digest FROM pins p WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.digest = p.digest)",
        row => (row.GetString(0), CidOf(row, 1)));

    public long TotalBytes() => (long)Scalar("SELECT coalesce(sum(size), 0) FROM blocks")!;

    /// <summary>What SQLite finds wrong with its file; null for nothing.</summary>
    public string? Problem() => (string?)Scalar("PRAGMA quick_check(1)") is { } said && said != "ok" ? said : null;

    /// <summary>Says that index and files agree, for the next start. Only at the end.</summary>
    public void MarkClosed() => Execute("UPDATE state SET open = 0");

    public void Dispose()
    {
        _size.Dispose();
        _reader.Dispose();
        _writer.Dispose();
    }

    private static SqliteConnection Connect(string file)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private static SqliteCommand Command(SqliteConnection connection, string text, params string[] parameters)
    {
        SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // constants of this file
        command.CommandText = text;
#pragma warning restore CA2100
        foreach (string name in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }

    private static int Run(SqliteCommand command, params object[] values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        return command.ExecuteNonQuery();
    }

    private static Cid CidOf(SqliteDataReader row, int column) => Cid.ForRawDigest(row.GetFieldValue<byte[]>(column));

    private void Execute(string text)
    {
        using SqliteCommand command = Command(_writer, text);
        command.ExecuteNonQuery();
    }

    private object? Scalar(string text)
    {
        using SqliteCommand command = Command(_writer, text);
        return command.ExecuteScalar();
    }

    private List<T> Read<T>(string text, Func<SqliteDataReader, T> take, params (string Name, object Value)[] parameters)
    {
        using SqliteCommand command = Command(_writer, text, [.. parameters.Select(p => p.Name)]);
        for (int i = 0; i < parameters.Length; i++)
        {
            command.Parameters[i].Value = parameters[i].Value;
        }

        using SqliteDataReader row = command.ExecuteReader();
        List<T> found = [];
        while (row.Read())
        {
            found.Add(take(row));
        }

        return found;
    }

    private void InTransaction(Action write)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            write();
            Execute("COMMIT");
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    private void RollBack()
    {
        try
        {
            Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // A full disk has rolled it back already.
        }
    }
}
