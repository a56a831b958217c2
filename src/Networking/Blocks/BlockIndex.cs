using Microsoft.Data.Sqlite;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Storage;

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

    private readonly SqliteDatabase _writer;
    private readonly SqliteDatabase _reader;
    private readonly SqliteCommand _size; // under _reading
    private readonly Lock _reading = new();

    /// <exception cref="SqliteException">Not a database, damaged, or the disk failed.</exception>
    /// <exception cref="BlockStoreException">Of a newer version.</exception>
    public BlockIndex(string file)
    {
        _writer = new SqliteDatabase(file);
        try
        {
            long found = _writer.Version;
            if (found > Version)
            {
                throw new BlockStoreException(BlockStoreProblem.NewerVersion, $"{file} has version {found}, this program knows {Version}");
            }

            _writer.UseDurableLog();
            _writer.Execute(Schema);
            WasOpen = (long)_writer.Scalar("SELECT open FROM state")! != 0;
            _writer.Execute("UPDATE state SET open = 1");
            _reader = new SqliteDatabase(file);
            _size = _reader.Command("SELECT size FROM blocks WHERE digest = $digest", "$digest");
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
            using SqliteCommand command = _reader.Command("""
                SELECT (SELECT count(*) FROM blocks), (SELECT coalesce(sum(size), 0) FROM blocks), (SELECT count(DISTINCT name) FROM pins),
                       count(*), coalesce(sum(size), 0) FROM blocks WHERE digest IN (SELECT digest FROM pins)
                """);
            using SqliteDataReader row = command.ExecuteReader();
            row.Read();
            return (row.GetInt64(0), row.GetInt64(1), row.GetInt32(2), row.GetInt64(3), row.GetInt64(4));
        }
    }

    /// <summary>Names of pins that begin with a prefix, ascending.</summary>
    public IReadOnlyList<string> ListPins(string prefix)
    {
        lock (_reading)
        {
            using SqliteCommand command = _reader.Command(
                "SELECT DISTINCT name FROM pins WHERE substr(name, 1, length($prefix)) = $prefix ORDER BY name", "$prefix");
            command.Parameters[0].Value = prefix;
            using SqliteDataReader row = command.ExecuteReader();
            List<string> names = [];
            while (row.Read())
            {
                names.Add(row.GetString(0));
            }

            return names;
        }
    }

    public void Add(IEnumerable<(Cid Cid, int Size, long Used)> blocks) => _writer.InTransaction(() =>
    {
        using SqliteCommand command = _writer.Command(
            "INSERT OR REPLACE INTO blocks VALUES ($digest, $size, $used)", "$digest", "$size", "$used");
        foreach ((Cid cid, int size, long used) in blocks)
        {
            SqliteDatabase.Run(command, cid.Hash.Digest.ToArray(), size, used);
        }
    });

    public void Remove(IEnumerable<Cid> cids) => _writer.InTransaction(() =>
    {
        using SqliteCommand command = _writer.Command("DELETE FROM blocks WHERE digest = $digest", "$digest");
        foreach (Cid cid in cids)
        {
            SqliteDatabase.Run(command, cid.Hash.Digest.ToArray());
        }
    });

    public void Touch(IEnumerable<KeyValuePair<Cid, long>> uses) => _writer.InTransaction(() =>
    {
        using SqliteCommand command = _writer.Command(
            "UPDATE blocks SET used = max(used, $used) WHERE digest = $digest", "$used", "$digest");
        foreach ((Cid cid, long used) in uses)
        {
            SqliteDatabase.Run(command, used, cid.Hash.Digest.ToArray());
        }
    });

    public void Pin(string name, IEnumerable<Cid> cids) => _writer.InTransaction(() =>
    {
        using SqliteCommand clear = _writer.Command("DELETE FROM pins WHERE name = $name", "$name");
        SqliteDatabase.Run(clear, name);
        using SqliteCommand add = _writer.Command("INSERT OR IGNORE INTO pins VALUES ($name, $digest)", "$name", "$digest");
        foreach (Cid cid in cids)
        {
            SqliteDatabase.Run(add, name, cid.Hash.Digest.ToArray());
        }
    });

    public bool Unpin(string name)
    {
        using SqliteCommand command = _writer.Command("DELETE FROM pins WHERE name = $name", "$name");
        return SqliteDatabase.Run(command, name) > 0;
    }

    /// <summary>Ends a pin, and forgets the blocks that it alone had.</summary>
    /// <returns>Those blocks; null when there was no such pin.</returns>
    public IReadOnlyList<(Cid Cid, int Size)>? Drop(string name)
    {
        List<(Cid, int)>? forgotten = null;
        _writer.InTransaction(() =>
        {
            List<(Cid, int)> alone = Read(
                """
                SELECT digest, size FROM blocks b WHERE EXISTS (SELECT 1 FROM pins p WHERE p.digest = b.digest AND p.name = $name)
                AND NOT EXISTS (SELECT 1 FROM pins p WHERE p.digest = b.digest AND p.name <> $name)
                """,
                row => (CidOf(row, 0), row.GetInt32(1)),
                ("$name", name));
            if (Unpin(name))
            {
                using SqliteCommand remove = _writer.Command("DELETE FROM blocks WHERE digest = $digest", "$digest");
                alone.ForEach(b => SqliteDatabase.Run(remove, b.Item1.Hash.Digest.ToArray()));
                forgotten = alone;
            }
        });
        return forgotten;
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

    public long TotalBytes() => (long)_writer.Scalar("SELECT coalesce(sum(size), 0) FROM blocks")!;

    /// <summary>What SQLite finds wrong with its file; null for nothing.</summary>
    public string? Problem() => _writer.QuickCheck();

    /// <summary>Says that index and files agree, for the next start. Only at the end.</summary>
    public void MarkClosed() => _writer.Execute("UPDATE state SET open = 0");

    public void Dispose()
    {
        _size.Dispose();
        _reader.Dispose();
        _writer.Dispose();
    }

    private static Cid CidOf(SqliteDataReader row, int column) => Cid.ForRawDigest(row.GetFieldValue<byte[]>(column));

    private List<T> Read<T>(string text, Func<SqliteDataReader, T> take, params (string Name, object Value)[] parameters)
    {
        using SqliteCommand command = _writer.Command(text, [.. parameters.Select(p => p.Name)]);
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
}
