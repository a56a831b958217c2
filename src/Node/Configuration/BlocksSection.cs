namespace P2PLearn.Node.Configuration;

/// <summary>The store of models' blocks.</summary>
public sealed record BlocksSection
{
    /// <summary>Least quota: one model of a few million parameters and its predecessor.</summary>
    public const long MinQuotaBytes = 64 << 20;

    /// <summary>Most bytes of blocks on the disk; beyond, those used least recently are evicted, never those of checkpoints that are kept.</summary>
    public long QuotaBytes { get; init; } = 10L << 30;
}
