using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad.Routing;

/// <summary>How the routing table is filled.</summary>
public sealed record RoutingTableOptions
{
    /// <summary>k: peers of one bucket, and of one answer.</summary>
    public int BucketSize { get; init; } = 20;

    /// <summary>Peers of one IP group (IPv4 /16, IPv6 /32) in the whole table, as in go-libp2p. Raise it where the whole mesh
    /// stands in one data centre.</summary>
    public int MaxPerGroup { get; init; } = 3;

    /// <summary>Peers of one IP group in one bucket.</summary>
    public int MaxPerGroupInBucket { get; init; } = 2;

    /// <summary>Peers that wait for a place in one full bucket; the latest seen come first.</summary>
    public int MaxReplacements { get; init; } = 5;

    /// <summary>Failed requests in a row after which a peer goes even when nobody waits for its place.</summary>
    public int MaxFailures { get; init; } = 3;

    /// <summary>How long a peer counts as alive after it was seen: only an older one is pinged for its place.</summary>
    public TimeSpan FreshFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Which addresses are limited by group.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(BucketSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BucketSize, KadLimits.MaxCloserPeers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPerGroup);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPerGroupInBucket);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxReplacements);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxFailures);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(FreshFor, TimeSpan.Zero);
    }
}
