using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Actors.Replication;

/// <summary>Limits of what the members replicate.</summary>
/// <remarks>
/// DistributedData sends whole entries when a delta was missed, several in one message, and one message beyond the frame limit would block all
/// entries in it. So an entry stays below <see cref="MaxEntryBytes"/>, and four of them below the frame limit of 256 KiB.
/// </remarks>
public sealed record ReplicationOptions
{
    /// <summary>Keys that the contributions are spread over, by hash of run and peer. The same on all members; part of the wire format.</summary>
    public const int ShardCount = 16;

    /// <summary>Entries of DistributedData in one message, at most.</summary>
    public const int MaxEntriesPerMessage = 4;

    /// <summary>Largest encoded entry: a quarter of a frame, less some room for names.</summary>
    public const int MaxEntryBytes = 60 * 1024;

    /// <summary>Contributions in one shard, default 96: 12 rounds of 8 peers. About 280 bytes each, 560 when all equivocate.</summary>
    public int MaxContributionsPerShard { get; init; } = 96;

    /// <summary>Longest value of a register, default 4096 bytes.</summary>
    public int MaxRegisterBytes { get; init; } = 4096;

    /// <summary>Registers in all, default 32.</summary>
    public int MaxRegisters { get; init; } = 32;

    /// <summary>How far ahead of this node's clock a register's time may be, default 10 min; a write further ahead could not be replaced.</summary>
    public TimeSpan MaxClockLead { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The limits of one shard, decoded or merged.</summary>
    internal ContributionLimits ShardLimits => new()
    {
        MaxRuns = 8,
        MaxEntries = MaxContributionsPerShard,
        Encoding = CrdtLimits.Default with { MaxTotalBytes = MaxEntryBytes },
    };

    /// <summary>The limits of all shards together.</summary>
    internal ContributionLimits SetLimits => new() { MaxRuns = 8 * ShardCount, MaxEntries = MaxContributionsPerShard * ShardCount };

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxContributionsPerShard, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxContributionsPerShard, 100);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRegisterBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxRegisterBytes, MaxEntryBytes / 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRegisters, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxClockLead, TimeSpan.Zero);
    }
}
