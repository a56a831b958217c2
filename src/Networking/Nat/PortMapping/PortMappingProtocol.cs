namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>By which protocol a gateway gave a port.</summary>
public enum PortMappingProtocol
{
    /// <summary>Port Control Protocol, RFC 6887.</summary>
    Pcp,

    /// <summary>NAT Port Mapping Protocol, RFC 6886.</summary>
    NatPmp,

    /// <summary>UPnP Internet Gateway Device, versions 1 and 2.</summary>
    Upnp,
}
