namespace P2PLearn.Networking.Blocks;

/// <summary>How much a store holds and how it writes.</summary>
public sealed record BlockStoreOptions
{
    /// <summary>Most bytes of blocks; beyond, those used least recently are evicted.</summary>
    public long QuotaBytes { get; init; } = 10L << 30;

    /// <summary>Most blocks that wait to be written; whoever puts more waits. With those being written, this bounds what
    /// writing holds in memory: 64 blocks of 2 MiB twice over.</summary>
    public int MaxWaiting { get; init; } = 64;

    /// <summary>Most blocks made durable together: they share the flush of the index and of their folders.</summary>
    public int MaxBatch { get; init; } = 64;

    /// <summary>Most CIDs of one pin.</summary>
    public int MaxCidsPerPin { get; init; } = 65_536;

    /// <summary>Longest name of a pin, in characters.</summary>
    public int MaxPinNameLength { get; init; } = 256;

    /// <summary>Puts a damaged index aside and makes a new one of the blocks that are there. Pins are lost by that.</summary>
    public bool RebuildIndex { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(QuotaBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxWaiting, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxCidsPerPin, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPinNameLength, 1);
    }
}
