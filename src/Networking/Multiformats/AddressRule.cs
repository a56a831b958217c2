using System.Net;
using System.Net.Sockets;

namespace P2PLearn.Networking.Multiformats;

/// <summary>Which addresses count as reachable from elsewhere: pluggable, since tests and private nets need their own answer.</summary>
public abstract class AddressRule
{
    /// <summary>What the public Internet routes.</summary>
    public static AddressRule PublicInternet { get; } = new PublicInternetRule();

    /// <summary>Every address, private ones included.</summary>
    public static AddressRule Everything { get; } = new EverythingRule();

    /// <summary>Whether this IP address counts. Mapped IPv4 addresses come as IPv4.</summary>
    protected abstract bool AllowsUnmapped(IPAddress address);

    /// <summary>Whether this IP address counts.</summary>
    public bool Allows(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return AllowsUnmapped(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
    }

    /// <summary>Whether the first component counts; names count, since what they resolve to is checked when it is dialled.</summary>
    public bool Allows(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        MultiaddrComponent first = address.Components[0];
        bool isAddress = first.Protocol == MultiaddrProtocol.IP4 || first.Protocol == MultiaddrProtocol.IP6;
        bool isName = first.Protocol == MultiaddrProtocol.Dns || first.Protocol == MultiaddrProtocol.Dns4
            || first.Protocol == MultiaddrProtocol.Dns6 || first.Protocol == MultiaddrProtocol.DnsAddr;
        return isName || (isAddress && Allows(new IPAddress(first.Bytes)));
    }

    private sealed class EverythingRule : AddressRule
    {
        protected override bool AllowsUnmapped(IPAddress address) => true;
    }

    /// <remarks>Sources: the IANA special-purpose registries, as far as go-libp2p, js-libp2p and rust-libp2p agree on them.</remarks>
    private sealed class PublicInternetRule : AddressRule
    {
        private static readonly IPNetwork[] RefusedIPv4 =
        [
            .. new[]
            {
                "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
                "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
                "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            }.Select(IPNetwork.Parse),
        ];

        private static readonly IPNetwork GlobalIPv6 = IPNetwork.Parse("2000::/3");

        private static readonly IPNetwork[] RefusedIPv6 =
            [IPNetwork.Parse("2001:db8::/32"), IPNetwork.Parse("3fff::/20")]; // documentation

        protected override bool AllowsUnmapped(IPAddress address) =>
            address.AddressFamily == AddressFamily.InterNetwork
                ? !Array.Exists(RefusedIPv4, net => net.Contains(address))
                : GlobalIPv6.Contains(address) && !Array.Exists(RefusedIPv6, net => net.Contains(address));
    }
}
