using System.Net;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Which addresses are told to a peer, and which of a peer's are dialled.</summary>
/// <remarks>
/// A peer must not be able to make us dial whatever it likes: only plain TCP to IP addresses, few of them, public ones, or
/// those of our own private network when both sides are behind the same public IP. Pure.
/// </remarks>
internal static class PunchAddresses
{
    private static readonly IPNetwork[] Private =
    [
        .. new[] { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7" }.Select(IPNetwork.Parse),
    ];

    /// <summary>What to tell a peer: where our NAT shows us, then our own network, for a peer in the same one.</summary>
    /// <param name="punch">Observed, mapped and public addresses, best first.</param>
    /// <param name="listening">The addresses of our interfaces.</param>
    /// <param name="rule">Which addresses count as public.</param>
    /// <param name="max">How many.</param>
    public static IReadOnlyList<Multiaddr> ToTell(
        IEnumerable<Multiaddr> punch, IEnumerable<Multiaddr> listening, AddressRule rule, int max) =>
    [
        .. Plain(punch).Where(a => rule.Allows(IpOf(a)))
            .Concat(Plain(listening).Where(a => rule.Allows(IpOf(a)) || IsPrivate(IpOf(a))))
            .Distinct()
            .Take(max),
    ];

    /// <summary>What to dial at once of the addresses that a peer told.</summary>
    /// <param name="told">By the peer.</param>
    /// <param name="own">What we told it.</param>
    /// <param name="rule">Which addresses count as public.</param>
    /// <param name="max">How many.</param>
    public static IReadOnlyList<Multiaddr> ToPunch(
        IReadOnlyList<Multiaddr> told, IReadOnlyList<Multiaddr> own, AddressRule rule, int max)
    {
        HashSet<IPAddress> ownPublic = [.. Plain(own).Select(IpOf).Where(rule.Allows)];
        bool sameNat = Plain(told).Select(IpOf).Any(ownPublic.Contains);
        return
        [
            .. Plain(told)
                .Where(a => rule.Allows(IpOf(a)) || (sameNat && IsPrivate(IpOf(a))))
                .Except(own)
                .Distinct()
                .Take(max),
        ];
    }

    /// <summary>What to dial back of the addresses where a peer says it listens.</summary>
    public static IReadOnlyList<Multiaddr> ToDialBack(IEnumerable<Multiaddr> said, AddressRule rule, int max) =>
        [.. Plain(said).Where(a => rule.Allows(IpOf(a))).Distinct().Take(max)];

    /// <summary>The IP of a plain TCP address.</summary>
    public static IPAddress IpOf(Multiaddr address) => new(address.Components[0].Bytes);

    private static bool IsPrivate(IPAddress ip) => Array.Exists(Private, net => net.Contains(ip));

    /// <summary>Direct TCP to an IP and a port; nothing behind it but perhaps a peer id.</summary>
    private static IEnumerable<Multiaddr> Plain(IEnumerable<Multiaddr> addresses) =>
        from address in addresses
        where address.TryToTcpEndPoint(out EndPoint? endPoint)
            && endPoint is IPEndPoint { Port: > 0 } ip
            && !ip.Address.IsIPv4MappedToIPv6
            && address.Components[0].Protocol != MultiaddrProtocol.IP6Zone
        select address.WithoutPeerId()!;
}
