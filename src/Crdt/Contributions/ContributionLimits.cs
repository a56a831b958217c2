using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Contributions;

/// <summary>How large a contribution set may be, decoded or merged.</summary>
public sealed record ContributionLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static ContributionLimits Default { get; } = new();

    /// <summary>Most runs in one set. Default 64.</summary>
    public int MaxRuns { get; init; } = 64;

    /// <summary>Most rounds of one run. Default 4,096.</summary>
    public int MaxRoundsPerRun { get; init; } = 4_096;

    /// <summary>Most peers in one round. Default 1,024.</summary>
    public int MaxPeersPerRound { get; init; } = 1_024;

    /// <summary>Most (run, round, peer) entries in one set. Default 65,536.</summary>
    public int MaxEntries { get; init; } = 65_536;

    /// <summary>Largest model a contribution may claim, in bytes; merging drops others. Default 4 GiB.</summary>
    public ulong MaxModelBytes { get; init; } = 4UL << 30;

    /// <summary>The limits of the encoding underneath.</summary>
    public CrdtLimits Encoding { get; init; } = CrdtLimits.Default;

    /// <summary>Refuses limits that make no sense.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is zero or negative.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRuns);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRoundsPerRun);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPeersPerRound);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxEntries);
        ArgumentOutOfRangeException.ThrowIfZero(MaxModelBytes);
        Encoding.Validate();
    }
}
