namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>How many values are kept for others, and for how long.</summary>
public sealed record RecordStoreOptions
{
    /// <summary>Values in all.</summary>
    public int MaxRecords { get; init; } = 16_384;

    /// <summary>Bytes of keys and values in all.</summary>
    public long MaxBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>Values that one peer may have put here.</summary>
    public int MaxRecordsPerPeer { get; init; } = 512;

    /// <summary>Bytes of keys and values that one peer may have put here.</summary>
    public long MaxBytesPerPeer { get; init; } = 2 * 1024 * 1024;

    /// <summary>How long a value is kept after it was last put: go's and rust's 48 hours.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(48);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRecords);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBytes, KadLimits.MaxKeyBytes + KadLimits.MaxValueBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRecordsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxBytesPerPeer);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Lifetime, TimeSpan.Zero);
    }
}
