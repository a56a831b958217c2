namespace P2PLearn.Networking.Blocks;

/// <summary>How much a store holds.</summary>
/// <param name="BlockCount">Blocks held.</param>
/// <param name="Bytes">Bytes of their contents.</param>
/// <param name="QuotaBytes">Most bytes held.</param>
/// <param name="PinCount">Names that pin something.</param>
/// <param name="PinnedCount">Blocks held that are pinned.</param>
/// <param name="PinnedBytes">Bytes of their contents.</param>
/// <param name="Evicted">Blocks evicted since the store was opened.</param>
/// <param name="Damaged">Blocks found damaged, and forgotten, since the store was opened.</param>
public sealed record BlockStoreStats(
    long BlockCount, long Bytes, long QuotaBytes, int PinCount, long PinnedCount, long PinnedBytes, long Evicted, long Damaged);
