using P2PLearn.Networking.Storage;

namespace P2PLearn.Networking.Blocks;

/// <summary>Turns what the system and SQLite throw into one exception with a reason.</summary>
internal static class StoreProblems
{
    /// <summary>What a failure is; null for one that is a bug and must not be swallowed.</summary>
    public static BlockStoreException? Of(Exception e, string folder) => e switch
    {
        BlockStoreException known => known,
        _ when SqliteProblems.IsDiskFull(e) =>
            new BlockStoreException(BlockStoreProblem.DiskFull, $"the disk of the block store {folder} is full", e),
        _ when SqliteProblems.IsDamaged(e) =>
            new BlockStoreException(BlockStoreProblem.IndexDamaged, $"the index of {folder} is damaged: {e.Message}", e),
        _ when SqliteProblems.IsOfTheMachine(e) =>
            new BlockStoreException(BlockStoreProblem.Failed, $"the block store {folder} failed: {e.Message}", e),
        _ => null,
    };
}
