using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>A public TCP port that a gateway forwards to this node.</summary>
/// <param name="Protocol">Which protocol the gateway granted it by.</param>
/// <param name="Gateway">The gateway's address in the local network.</param>
/// <param name="ExternalAddress">The gateway's public address, as it says.</param>
/// <param name="ExternalPort">The public port, 1 to 65535; not always the one asked for.</param>
/// <param name="InternalPort">This node's port, which it leads to.</param>
/// <param name="Expires">When the gateway forgets it unless it is renewed, which happens at half its life;
/// <see cref="DateTimeOffset.MaxValue"/> where the gateway knows permanent mappings only.</param>
public sealed record PortMapping(
    PortMappingProtocol Protocol,
    IPAddress Gateway,
    IPAddress ExternalAddress,
    int ExternalPort,
    int InternalPort,
    DateTimeOffset Expires);
