namespace P2PLearn.Networking.Blocks;

/// <summary>How much a stranger's manifest may claim.</summary>
public sealed record ManifestLimits
{
    /// <summary>Longest manifest, in bytes, signature included: what one block of it may have.</summary>
    public int MaxBytes { get; init; } = 1 << 20;

    /// <summary>Most blocks: a model of 4 GiB in blocks of the least size.</summary>
    public int MaxBlocks { get; init; } = 16_384;

    /// <summary>Most blocks below <see cref="BlockSplitter.MinBlockBytes"/>: small layers between large ones, and ends.</summary>
    public int MaxSmallBlocks { get; init; } = 1024;

    /// <summary>Longest model.</summary>
    public long MaxTotalBytes { get; init; } = 4L << 30;

    /// <summary>Most parents.</summary>
    public int MaxParents { get; init; } = 16;
}

/// <summary>What is wrong with a manifest.</summary>
public enum ManifestProblem
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>More bytes than <see cref="ManifestLimits.MaxBytes"/>.</summary>
    TooLarge,

    /// <summary>Not the format, or not in its one form.</summary>
    Malformed,

    /// <summary>The signature does not hold.</summary>
    BadSignature,

    /// <summary>A count or size beyond its limit.</summary>
    OverLimit,
}
