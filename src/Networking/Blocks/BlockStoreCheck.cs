using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>What looking through a store found.</summary>
public sealed record BlockStoreCheck
{
    /// <summary>Blocks in the index.</summary>
    public long BlockCount { get; init; }

    /// <summary>Bytes of files that were hashed.</summary>
    public long BytesHashed { get; init; }

    /// <summary>In the index, without a file.</summary>
    public IReadOnlyList<Cid> Missing { get; init; } = [];

    /// <summary>Files of blocks that the index does not have.</summary>
    public IReadOnlyList<Cid> Orphans { get; init; } = [];

    /// <summary>Files whose content is not what their name says.</summary>
    public IReadOnlyList<Cid> Damaged { get; init; } = [];

    /// <summary>Files that were being written when the program ended.</summary>
    public IReadOnlyList<string> TornFiles { get; init; } = [];

    /// <summary>Files in the store's folders that are none of its own; they are left alone.</summary>
    public IReadOnlyList<string> Strangers { get; init; } = [];

    /// <summary>Pinned CIDs that are not held: a fetch that is not finished, or a loss.</summary>
    public IReadOnlyList<(string Pin, Cid Cid)> PinnedButMissing { get; init; } = [];

    /// <summary>What SQLite says of its file; null when it is fine.</summary>
    public string? IndexProblem { get; init; }

    /// <summary>What was found has been put right: orphans taken in, missing and damaged blocks forgotten, torn files deleted.</summary>
    public bool IsRepaired { get; init; }

    /// <summary>The index and the files agree, and every file is what it says.</summary>
    public bool IsClean =>
        IndexProblem is null && Missing.Count == 0 && Orphans.Count == 0 && Damaged.Count == 0 && TornFiles.Count == 0;
}
