namespace P2PLearn.Networking.Blocks;

/// <summary>Why a store could not do what it was asked for.</summary>
public enum BlockStoreProblem
{
    /// <summary>What is held is pinned, and there is no room for more within the quota.</summary>
    QuotaExceeded,

    /// <summary>The disk, or this user's share of it, is full.</summary>
    DiskFull,

    /// <summary>Another process has the store open.</summary>
    InUse,

    /// <summary>The index cannot be read: <see cref="BlockStoreOptions.RebuildIndex"/> makes a new one of the blocks.</summary>
    IndexDamaged,

    /// <summary>The index was written by a newer version of this program.</summary>
    NewerVersion,

    /// <summary>Reading or writing failed.</summary>
    Failed,
}

/// <summary>A store could not do what it was asked for. What it holds is as it was.</summary>
public sealed class BlockStoreException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="problem">Why.</param>
    /// <param name="message">What happened, for a person.</param>
    /// <param name="inner">What the system said, if it did.</param>
    public BlockStoreException(BlockStoreProblem problem, string message, Exception? inner = null)
        : base(message, inner) => Problem = problem;

    /// <summary>Why.</summary>
    public BlockStoreProblem Problem { get; }
}
