using System.Net;
using System.Net.Sockets;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Which addresses are in the local network.</summary>
internal static class LanAddress
{
    private static readonly IPNetwork[] Networks =
    [
        .. new[] { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16" }.Select(IPNetwork.Parse),
    ];

    /// <summary>Whether an address is of the private (RFC 1918) or link-local (RFC 3927) ranges of IPv4. Loopback is not:
    /// nobody in the network may point us at services of our own machine.</summary>
    public static bool IsLan(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && Array.Exists(Networks, net => net.Contains(address));

    /// <summary>Whether a URL that a gateway named may be fetched: plain HTTP at the gateway itself, by number, not name.</summary>
    /// <remarks>Anything else would let whoever answers a search choose what this machine fetches (server-side request
    /// forgery).</remarks>
    /// <param name="url">Named by the gateway.</param>
    /// <param name="gateway">Who answered.</param>
    /// <param name="options">Gateways that the operator gave may be outside the private ranges.</param>
    public static bool MayFetch(Uri url, IPAddress gateway, PortMapperOptions options) =>
        url.IsAbsoluteUri
        && url.Scheme == Uri.UriSchemeHttp
        && url.UserInfo.Length == 0
        && url.Port > 0
        && url.HostNameType == UriHostNameType.IPv4
        && IPAddress.TryParse(url.Host, out IPAddress? host)
        && host.Equals(gateway)
        && (IsLan(gateway) || (options.Gateways?.Contains(gateway) ?? false));
}
