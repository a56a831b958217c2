using Microsoft.Data.Sqlite;
using P2PLearn.Networking.Files;

namespace P2PLearn.Networking.Storage;

/// <summary>Tells what the system and SQLite throw apart.</summary>
internal static class SqliteProblems
{
    private const int Full = 13; // SQLITE_FULL
    private const int Corrupt = 11; // SQLITE_CORRUPT
    private const int NotADatabase = 26; // SQLITE_NOTADB

    /// <summary>The file is not SQLite's, or not whole.</summary>
    public static bool IsDamaged(Exception e) => e is SqliteException { SqliteErrorCode: Corrupt or NotADatabase };

    /// <summary>The disk, or this user's share of it, is full.</summary>
    public static bool IsDiskFull(Exception e) => e is SqliteException { SqliteErrorCode: Full } || DurableFile.IsDiskFull(e);

    /// <summary>The machine's fault, not a bug of ours that must not be swallowed.</summary>
    public static bool IsOfTheMachine(Exception e) => e is SqliteException or IOException or UnauthorizedAccessException;
}
