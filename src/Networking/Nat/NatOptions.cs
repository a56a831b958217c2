using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Protocols.Relay;

namespace P2PLearn.Networking.Nat;

/// <summary>How a node gets reachable, and helps others to.</summary>
public sealed record NatOptions
{
    /// <summary>Which addresses count as public.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Addresses that the operator knows to be reachable from everywhere, e.g. of a port forwarded by hand. They
    /// are told to others unchecked.</summary>
    public IReadOnlyList<Multiaddr> AnnouncedAddresses { get; init; } = [];

    /// <summary>Finding out whether we can be reached, and telling others whether they can.</summary>
    public AutoNatOptions AutoNat { get; init; } = new();

    /// <summary>Using relays.</summary>
    public RelayClientOptions RelayClient { get; init; } = new();

    /// <summary>Being a relay.</summary>
    public RelayServerOptions RelayServer { get; init; } = new();

    /// <summary>When this node relays for others.</summary>
    public RelayMode RelayMode { get; init; } = RelayMode.WhenReachable;

    /// <summary>Replacing relayed connections by direct ones.</summary>
    public DcutrOptions Dcutr { get; init; } = new();

    /// <summary>Asking the router for a port; null for not asking.</summary>
    public PortMapperOptions? PortMapping { get; init; } = new();

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A value that cannot work.</exception>
    public void Validate()
    {
        AutoNat.Validate();
        RelayClient.Validate();
        RelayServer.Validate();
        Dcutr.Validate();
        PortMapping?.Validate();
    }
}

/// <summary>When a node relays for others.</summary>
public enum RelayMode
{
    /// <summary>Never.</summary>
    Off,

    /// <summary>As soon as it is found to be reachable from everywhere.</summary>
    WhenReachable,

    /// <summary>Always.</summary>
    On,
}
