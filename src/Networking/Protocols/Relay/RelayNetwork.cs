using System.Net;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Which network a relay is in: two in one network are likely to fail together.</summary>
internal static class RelayNetwork
{
    /// <summary>The /24 of an IPv4 address, the /48 of an IPv6 one; null for an address without an IP.</summary>
    public static string? Of(Multiaddr address)
    {
        MultiaddrComponent first = address.Components[0];
        if (first.Protocol != MultiaddrProtocol.IP4 && first.Protocol != MultiaddrProtocol.IP6)
        {
            return null;
        }

        var ip = new IPAddress(first.Bytes);
        byte[] bytes = (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).GetAddressBytes();
        bool isIPv4 = bytes.Length == 4;
        bytes.AsSpan(isIPv4 ? 3 : 6).Clear();
        return new IPNetwork(new IPAddress(bytes), isIPv4 ? 24 : 48).ToString();
    }
}
