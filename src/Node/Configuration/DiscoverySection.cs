namespace P2PLearn.Node.Configuration;

/// <summary>How members are found beside the seeds.</summary>
public sealed record DiscoverySection
{
    /// <summary>Look for members on the local network by multicast DNS.</summary>
    public bool Mdns { get; init; } = true;

    /// <summary>Keep the addresses of members in the data directory, so that a restart needs no seed.</summary>
    public bool RememberPeers { get; init; } = true;
}
