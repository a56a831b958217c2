using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>Turns a wildcard listen address into the addresses that others can dial.</summary>
internal static class InterfaceAddresses
{
    /// <summary>Expands <c>0.0.0.0</c> and <c>::</c> to the addresses of the interfaces that are up; any other address
    /// stays itself.</summary>
    /// <remarks>Link-local IPv6 addresses are left out: without their zone nobody can dial them.</remarks>
    public static IReadOnlyList<Multiaddr> Expand(Multiaddr bound)
    {
        if (!bound.TryToTcpEndPoint(out EndPoint? endPoint)
            || endPoint is not IPEndPoint ip
            || !(ip.Address.Equals(IPAddress.Any) || ip.Address.Equals(IPAddress.IPv6Any)))
        {
            return [bound];
        }

        // Loopback leads others to themselves: it is told only by a machine without a network.
        IPAddress[] all = [.. Local(ip.AddressFamily)];
        IPAddress[] outward = [.. all.Where(a => !IPAddress.IsLoopback(a))];
        return [.. (outward.Length > 0 ? outward : all).Select(a => Multiaddr.FromTcpEndPoint(new IPEndPoint(a, ip.Port)))];
    }

    private static IEnumerable<IPAddress> Local(AddressFamily family) =>
        from network in NetworkInterface.GetAllNetworkInterfaces()
        where network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
        from unicast in network.GetIPProperties().UnicastAddresses
        where unicast.Address.AddressFamily == family && !unicast.Address.IsIPv6LinkLocal
        select unicast.Address;
}
