using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>A network interface that peers are looked for on.</summary>
/// <param name="Index">The system's number of it.</param>
/// <param name="Name">For the log.</param>
/// <param name="HasIPv4">Whether it has an IPv4 address.</param>
/// <param name="HasIPv6">Whether it has an IPv6 address that multicast can leave from.</param>
/// <param name="IsLoopback">Whether it leads nowhere else.</param>
/// <param name="Networks">The subnets of its addresses. Of the loopback interface also this machine's own addresses: packets sent there
/// may bear any of them.</param>
/// <param name="OwnAddresses">All addresses of this machine.</param>
internal sealed record MdnsLink(
    int Index,
    string Name,
    bool HasIPv4,
    bool HasIPv6,
    bool IsLoopback,
    IReadOnlyList<IPNetwork> Networks,
    IReadOnlyList<IPAddress> OwnAddresses)
{
    private static readonly IPNetwork LinkLocalIPv4 = IPNetwork.Parse("169.254.0.0/16");

    /// <summary>Whether an address is in one of the interface's subnets, or link-local.</summary>
    public bool IsOnLink(IPAddress address) =>
        address.IsIPv6LinkLocal || LinkLocalIPv4.Contains(address) || Networks.Any(n => n.Contains(address));

    /// <summary>Whether an address is one of this machine's.</summary>
    public bool IsOwn(IPAddress address) =>
        IPAddress.IsLoopback(address) || OwnAddresses.Any(own => own.GetAddressBytes().AsSpan().SequenceEqual(address.GetAddressBytes()));

    /// <summary>Whether nothing that discovery depends on has changed.</summary>
    public bool IsSame(MdnsLink other) =>
        Index == other.Index && HasIPv4 == other.HasIPv4 && HasIPv6 == other.HasIPv6 && Networks.SequenceEqual(other.Networks);

    /// <summary>Whether a peer on this link can make anything of an address.</summary>
    /// <remarks>
    /// IP addresses only: a name would have us ask a resolver for whatever a stranger chose. IPv6 link-local addresses say nothing
    /// without the zone, which differs from machine to machine. Loopback is for peers on one machine (libp2p mdns, Issues).
    /// </remarks>
    /// <param name="address">The address.</param>
    /// <param name="withinMachine">Whether both ends are on this machine.</param>
    public static bool IsUsable(Multiaddr address, bool withinMachine)
    {
        if (FirstIP(address) is not { } ip || ip.IsIPv6LinkLocal || ip.IsIPv6Multicast)
        {
            return false;
        }

        if (IPAddress.IsLoopback(ip))
        {
            return withinMachine;
        }

        bool isUnspecified = ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any);
        bool isMulticastOrReserved = ip.AddressFamily == AddressFamily.InterNetwork && ip.GetAddressBytes()[0] >= 224;
        return !isUnspecified && !isMulticastOrReserved;
    }

    /// <summary>The IP address that a multiaddr begins with, mapped IPv4 as IPv4.</summary>
    public static IPAddress? FirstIP(Multiaddr address)
    {
        MultiaddrComponent first = address.Components[0];
        if (first.Protocol != MultiaddrProtocol.IP4 && first.Protocol != MultiaddrProtocol.IP6)
        {
            return null;
        }

        var ip = new IPAddress(first.Bytes);
        return ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
    }
}
