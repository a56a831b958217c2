namespace P2PLearn.Networking.Swarm.Peers;

/// <summary>How much the peer store keeps, and for how long.</summary>
/// <remarks>go-libp2p#3486 and CVE-2023-40583: addresses of invented peers, kept for ever, filled other stacks'
/// memory.</remarks>
public sealed record PeerStoreOptions
{
    /// <summary>Peers remembered that are not connected; the one that expires first makes room for a new one.</summary>
    public int MaxUnconnectedPeers { get; init; } = 2_048;

    /// <summary>Addresses kept of a connected peer.</summary>
    public int MaxAddresses { get; init; } = 500;

    /// <summary>Addresses kept of a peer that is not connected.</summary>
    public int MaxUnconnectedAddresses { get; init; } = 20;

    /// <summary>How long a peer that is not connected is remembered.</summary>
    public TimeSpan UnconnectedLifetime { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Longest signed record kept.</summary>
    public int MaxRecordBytes { get; init; } = 8 * 1024;
}
