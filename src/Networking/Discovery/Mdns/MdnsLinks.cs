using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>Looks at the machine's network interfaces.</summary>
internal static class MdnsLinks
{
    /// <summary>The interfaces that are up and multicast-capable.</summary>
    /// <returns>Null when the system does not say: what was known before still holds.</returns>
    public static IReadOnlyList<MdnsLink>? Find(MdnsOptions options)
    {
        try
        {
            NetworkInterface[] interfaces = [.. NetworkInterface.GetAllNetworkInterfaces().Where(IsUp)];
            IPAddress[] own = [.. interfaces.SelectMany(n => n.GetIPProperties().UnicastAddresses).Select(a => a.Address)];
            return
            [
                .. interfaces.Where(n => IsWanted(n, options)).Select(n => Describe(n, own)).OfType<MdnsLink>()
                    .OrderByDescending(l => l.HasIPv4).ThenBy(l => l.Index).Take(options.MaxInterfaces),
            ];
        }
        catch (NetworkInformationException)
        {
            return null;
        }
    }

    private static bool IsUp(NetworkInterface network) =>
        network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown; // Linux: unknown for loopback and tunnels

    private static bool IsWanted(NetworkInterface network, MdnsOptions options) =>
        network.NetworkInterfaceType == NetworkInterfaceType.Loopback ? options.IncludeLoopback : network.SupportsMulticast;

    private static MdnsLink? Describe(NetworkInterface network, IPAddress[] own)
    {
        IPInterfaceProperties properties = network.GetIPProperties();
        bool isLoopback = network.NetworkInterfaceType == NetworkInterfaceType.Loopback;
        bool hasIPv4 = properties.UnicastAddresses.Any(a => a.Address.AddressFamily == AddressFamily.InterNetwork);
        bool hasIPv6 = !isLoopback // Linux routes no IPv6 multicast there
            && properties.UnicastAddresses.Any(a => a.Address.AddressFamily == AddressFamily.InterNetworkV6);
        if (IndexOf(network, properties, hasIPv4, hasIPv6) is not { } index)
        {
            return null;
        }

        IEnumerable<IPNetwork> networks = properties.UnicastAddresses.Select(a => Subnet(a.Address, a.PrefixLength));
        IEnumerable<IPNetwork> hosts = isLoopback ? own.Select(a => Subnet(a, a.GetAddressBytes().Length * 8)) : [];
        return new MdnsLink(index, network.Name, hasIPv4, hasIPv6, isLoopback, [.. networks.Concat(hosts).Distinct()], own);
    }

    private static int? IndexOf(NetworkInterface network, IPInterfaceProperties properties, bool hasIPv4, bool hasIPv6)
    {
        try
        {
            return hasIPv4 ? properties.GetIPv4Properties().Index : hasIPv6 ? properties.GetIPv6Properties().Index : null;
        }
        catch (NetworkInformationException)
        {
            return network.Supports(NetworkInterfaceComponent.IPv6) && hasIPv6 ? properties.GetIPv6Properties().Index : null;
        }
    }

    /// <summary>The subnet that an address is in: its bits beyond the prefix cleared, without a zone.</summary>
    internal static IPNetwork Subnet(IPAddress address, int prefixLength)
    {
        byte[] bytes = address.GetAddressBytes();
        prefixLength = Math.Clamp(prefixLength, 0, bytes.Length * 8);
        for (int i = 0; i < bytes.Length; i++)
        {
            int kept = Math.Clamp(prefixLength - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xff << (8 - kept));
        }

        return new IPNetwork(new IPAddress(bytes), prefixLength);
    }
}
