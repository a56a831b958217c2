using System.Diagnostics.CodeAnalysis;
using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm.Limits;

namespace P2PLearn.Networking.Nat;

/// <summary>The IP and port that an address stands on, and the networks that IPs are counted by.</summary>
internal static class ThinWaist
{
    /// <summary>Reads <c>/ip4/…/tcp/…</c> or <c>/ip6/…/tcp/…</c>, with a peer id behind it or not; nothing else: no names,
    /// no relays, no wildcard, no port 0. Mapped IPv4 becomes IPv4.</summary>
    public static bool TryGet(Multiaddr address, [NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        endPoint = null;
        if (!address.TryToTcpEndPoint(out EndPoint? end) || end is not IPEndPoint ip || ip.Port == 0)
        {
            return false;
        }

        IPAddress plain = Plain(ip.Address);
        if (plain.Equals(IPAddress.Any) || plain.Equals(IPAddress.IPv6Any))
        {
            return false;
        }

        endPoint = new IPEndPoint(plain, ip.Port);
        return true;
    }

    /// <summary>The IP of <paramref name="address"/>; null where <see cref="TryGet"/> says no.</summary>
    public static IPAddress? IpOf(Multiaddr address) => TryGet(address, out IPEndPoint? end) ? end.Address : null;

    /// <summary>An IPv4 address mapped into IPv6 as itself.</summary>
    public static IPAddress Plain(IPAddress ip) => ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;

    /// <summary>One observer: an IPv4 address, or the /64 that one IPv6 customer holds.</summary>
    public static IPAddress Observer(IPAddress ip) => ResourceGate.Group(ip);

    /// <summary>What one owner may well hold all of: an IPv4 /24, an IPv6 /48.</summary>
    public static IPAddress Network(IPAddress ip)
    {
        byte[] bytes = Plain(ip).GetAddressBytes();
        bytes.AsSpan(bytes.Length == 4 ? 3 : 6).Clear();
        return new IPAddress(bytes);
    }

    /// <summary>How much the word of these observers weighs: one each, but those of one network at most
    /// <paramref name="perNetwork"/> together.</summary>
    /// <param name="observers">Distinct.</param>
    /// <param name="perNetwork">At least 1.</param>
    public static int Weigh(IEnumerable<IPAddress> observers, int perNetwork) =>
        observers.GroupBy(Network).Sum(net => Math.Min(net.Count(), perNetwork));
}
