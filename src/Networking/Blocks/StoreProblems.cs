using Microsoft.Data.Sqlite;

namespace P2PLearn.Networking.Blocks;

/// <summary>Turns what the system and SQLite throw into one exception with a reason.</summary>
internal static class StoreProblems
{
    private const int Full = 13; // SQLITE_FULL
    private const int Corrupt = 11; // SQLITE_CORRUPT
    private const int NotADatabase = 26; // SQLITE_NOTADB

    /// <summary>What a failure is; null for one that is a bug and must not be swallowed.</summary>
    public static BlockStoreException? Of(Exception e, string folder) => e switch
    {
        BlockStoreException known => known,
        SqliteException { SqliteErrorCode: Full } => DiskFull(folder, e),
        SqliteException { SqliteErrorCode: Corrupt or NotADatabase } =>
            new BlockStoreException(BlockStoreProblem.IndexDamaged, $"the index of {folder} is damaged: {e.Message}", e),
        IOException when IsDiskFull(e) => DiskFull(folder, e),
        SqliteException or IOException or UnauthorizedAccessException =>
            new BlockStoreException(BlockStoreProblem.Failed, $"the block store {folder} failed: {e.Message}", e),
        _ => null,
    };

    // ENOSPC and EDQUOT of Linux, EDQUOT of macOS; ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL of Windows.
    private static bool IsDiskFull(Exception e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xffff) is 0x70 or 0x27
        : e.HResult is 28 or 122 or 69;

    private static BlockStoreException DiskFull(string folder, Exception e) =>
        new(BlockStoreProblem.DiskFull, $"the disk of the block store {folder} is full", e);
}
