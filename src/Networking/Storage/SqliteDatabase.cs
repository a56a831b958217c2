using Microsoft.Data.Sqlite;

namespace P2PLearn.Networking.Storage;

/// <summary>One connection with a SQLite file: what every store of ours does with it, and nothing about tables.</summary>
/// <remarks>For one thread at a time.</remarks>
internal sealed class SqliteDatabase : IDisposable
{
    private readonly SqliteConnection _connection;

    /// <summary>Opens the file, making it when missing.</summary>
    /// <exception cref="SqliteException">The file cannot be opened.</exception>
    public SqliteDatabase(string file)
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        try
        {
            _connection.Open();
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>The number that a program wrote there about its form (<c>PRAGMA user_version</c>); 0 in a new file.</summary>
    public long Version => (long)Scalar("PRAGMA user_version")!;

    /// <summary>From now on what was committed survives the loss of power: a write-ahead log, flushed at each commit.</summary>
    public void UseDurableLog() => Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;");

    /// <summary>What SQLite finds wrong with its file; null for nothing. Reads all of it.</summary>
    public string? QuickCheck() => Fault("PRAGMA quick_check(1)");

    /// <summary>As <see cref="QuickCheck"/>, and whether each index has what its table has.</summary>
    public string? IntegrityCheck() => Fault("PRAGMA integrity_check(1)");

    /// <summary>A command of this connection; the caller disposes it.</summary>
    /// <param name="text">A constant of this program, never a user's words.</param>
    /// <param name="parameters">Names of its parameters, in the order in which <see cref="Run"/> takes their values.</param>
    public SqliteCommand Command(string text, params string[] parameters)
    {
        SqliteCommand command = _connection.CreateCommand();
#pragma warning disable CA2100 // constants of this program
        command.CommandText = text;
#pragma warning restore CA2100
        foreach (string name in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }

    /// <summary>Carries a command out with these values.</summary>
    /// <returns>How many rows it changed.</returns>
    public static int Run(SqliteCommand command, params object[] values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        return command.ExecuteNonQuery();
    }

    /// <summary>Carries out constant text.</summary>
    public void Execute(string text)
    {
        using SqliteCommand command = Command(text);
        command.ExecuteNonQuery();
    }

    /// <summary>The first column of the first row; null when there is none.</summary>
    public object? Scalar(string text)
    {
        using SqliteCommand command = Command(text);
        return command.ExecuteScalar();
    }

    /// <summary>All of what it writes, or nothing.</summary>
    public void InTransaction(Action write)
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

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    private string? Fault(string check) => (string?)Scalar(check) is { } said && said != "ok" ? said : null;

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
