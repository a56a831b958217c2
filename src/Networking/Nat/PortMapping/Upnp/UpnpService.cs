namespace P2PLearn.Networking.Nat.PortMapping.Upnp;

/// <summary>A gateway's service that maps ports.</summary>
/// <param name="Type">One of <see cref="KnownTypes"/>.</param>
/// <param name="ControlUrl">Where its actions are called.</param>
internal sealed record UpnpService(string Type, Uri ControlUrl)
{
    /// <summary>Services that map ports, the best first. PPP is that of gateways which dial.</summary>
    public static readonly IReadOnlyList<string> KnownTypes =
    [
        "urn:schemas-upnp-org:service:WANIPConnection:2",
        "urn:schemas-upnp-org:service:WANIPConnection:1",
        "urn:schemas-upnp-org:service:WANPPPConnection:1",
    ];

    /// <summary>0 for the best type.</summary>
    public int Rank => KnownTypes.TakeWhile(t => t != Type).Count();

    /// <summary>Only version 2 finds a free port by itself (<c>AddAnyPortMapping</c>).</summary>
    public bool FindsPorts => Rank == 0;
}
