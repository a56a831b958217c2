using P2PLearn.Crdt.Attestations;
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
    /// <summary>Keys that the contributions, and as many that the attestations are spread over, by hash of run and peer. The same on all members; part of the wire format.</summary>
    public const int ShardCount = 16;

    /// <summary>Entries of DistributedData in one message, at most.</summary>
    public const int MaxEntriesPerMessage = 4;

    /// <summary>Largest encoded entry: a quarter of a frame, less some room for names.</summary>
    public const int MaxEntryBytes = 60 * 1024;

    /// <summary>Most encoded bytes of an attestation beside its payload: a kind, run and peer of its own, version, signature, lengths.</summary>
    private const int MaxAttestationOverhead = 192;

    /// <summary>Contributions in one shard, default 96: 12 rounds of 8 peers. About 280 bytes each, 560 when all equivocate.</summary>
    public int MaxContributionsPerShard { get; init; } = 96;

    /// <summary>Attestations in one shard, default 96, each version counted: 16 peers with 4 checkpoints, settings and reputation.</summary>
    public int MaxAttestationsPerShard { get; init; } = 96;

    /// <summary>The limits of one shard, decoded or merged.</summary>
    internal ContributionLimits ShardLimits => new()
    {
        MaxRuns = 8,
        MaxEntries = MaxContributionsPerShard,
        Encoding = CrdtLimits.Default with { MaxTotalBytes = MaxEntryBytes },
    };

    /// <summary>The limits of all shards together.</summary>
    internal ContributionLimits SetLimits => new() { MaxRuns = 8 * ShardCount, MaxEntries = MaxContributionsPerShard * ShardCount };

    /// <summary>The limits of one shard of attestations, decoded or merged: so much payload that the encoded shard stays an entry.</summary>
    internal AttestationLimits AttestationShardLimits => new()
    {
        MaxEntries = MaxAttestationsPerShard,
        MaxTotalPayloadBytes = MaxEntryBytes - (MaxAttestationsPerShard * MaxAttestationOverhead),
        Encoding = CrdtLimits.Default with { MaxTotalBytes = MaxEntryBytes },
    };

    /// <summary>The limits of all shards of attestations together.</summary>
    internal AttestationLimits AttestationSetLimits => new()
    {
        MaxRuns = 64 * ShardCount,
        MaxPeersPerRun = 256 * ShardCount,
        MaxEntries = MaxAttestationsPerShard * ShardCount,
        MaxTotalPayloadBytes = MaxEntryBytes * ShardCount,
    };

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxContributionsPerShard, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxContributionsPerShard, 100);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAttestationsPerShard, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxAttestationsPerShard, 128);
    }
}
