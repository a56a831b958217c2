using System.Net;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad.Routing;

/// <summary>Who is likely to be one owner: the IPv4 /16 or the IPv6 /32 of an address.</summary>
/// <remarks>Identities cost nothing, addresses in many networks do: limits by group are what stands against Sybils.</remarks>
internal static class IpGroups
{
    /// <summary>The group of an IP; null when the rule does not count it as public: neighbours on one's own network are not limited.</summary>
    public static IPAddress? Of(IPAddress ip, AddressRule publicAddresses)
    {
        if (!publicAddresses.Allows(ip))
        {
            return null;
        }

        byte[] bytes = (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).GetAddressBytes();
        bytes.AsSpan(bytes.Length == 4 ? 2 : 4).Clear();
        return new IPAddress(bytes);
    }

    /// <summary>The groups of addresses, each once. Names have none.</summary>
    public static IReadOnlyList<IPAddress> Of(IEnumerable<Multiaddr> addresses, AddressRule publicAddresses)
    {
        List<IPAddress> groups = [];
        foreach (Multiaddr address in addresses)
        {
            MultiaddrComponent first = address.Components[0];
            bool isIp = first.Protocol == MultiaddrProtocol.IP4 || first.Protocol == MultiaddrProtocol.IP6;
            if (isIp && Of(new IPAddress(first.Bytes), publicAddresses) is { } group && !groups.Contains(group))
            {
                groups.Add(group);
            }
        }

        return groups;
    }
}
