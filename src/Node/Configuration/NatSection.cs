namespace P2PLearn.Node.Configuration;

/// <summary>How this node gets reachable from behind a router.</summary>
public sealed record NatSection
{
    /// <summary>Addresses that are known to reach this node from everywhere, e.g. of a port forwarded by hand.</summary>
    public IReadOnlyList<string> Announce { get; init; } = [];

    /// <summary>Ask the router for a port by UPnP, NAT-PMP and PCP.</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>Punch holes: replace connections through a relay by direct ones.</summary>
    public bool HolePunching { get; init; } = true;

    /// <summary>Ask other peers whether this node can be dialled, and answer them the same.</summary>
    public bool Autonat { get; init; } = true;
}
