namespace P2PLearn.Crdt.Encoding;

/// <summary>
/// What a decoder accepts from a stranger. Every bound is compared before anything is allocated for it.
/// </summary>
public sealed record CrdtLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static CrdtLimits Default { get; } = new();

    /// <summary>
    /// Most entries of one container (replicas of a vector, elements of a set, keys of a map). Default 65,536.
    /// </summary>
    public int MaxEntries { get; init; } = 65_536;

    /// <summary>Longest element of a set or key of a map, in bytes of its text or byte string. Default 256.</summary>
    public int MaxKeyBytes { get; init; } = 256;

    /// <summary>Longest value of a register or map, in bytes of its text or byte string. Default 65,536.</summary>
    public int MaxValueBytes { get; init; } = 65_536;

    /// <summary>
    /// Deepest nesting of containers. Default 16; the deepest type of this project, an OR-map of OR-sets, needs 8.
    /// </summary>
    public int MaxDepth { get; init; } = 16;

    /// <summary>Most bytes of one encoded value. Default 16 MiB: 65,536 contributions of some 250 bytes.</summary>
    public int MaxTotalBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Refuses limits that make no sense.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is zero or negative.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxEntries);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxKeyBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxValueBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxDepth);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxTotalBytes);
    }
}
