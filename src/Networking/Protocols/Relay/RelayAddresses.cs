using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Which of its addresses a relay tells in a reservation.</summary>
internal static class RelayAddresses
{
    /// <summary>Most bytes of all addresses together: they share a message with a voucher.</summary>
    public const int MaxTotalBytes = 2048;

    /// <summary>The addresses that count as public, those of the local net when none does, loopback when there is nothing
    /// else; never relayed ones. Each ends in the relay's id.</summary>
    public static IReadOnlyList<Multiaddr> Choose(
        IReadOnlyList<(Multiaddr Address, AddressSource Source)> sourced, AddressRule rule, PeerId relay)
    {
        Multiaddr[] direct =
        [
            .. sourced.Where(a => a.Source != AddressSource.Relayed && !a.Address.IsRelayed).Select(a => a.Address),
        ];
        Multiaddr[] chosen = Array.FindAll(direct, rule.Allows);
        chosen = chosen.Length > 0 ? chosen : Array.FindAll(direct, a => !IsLoopback(a));
        chosen = chosen.Length > 0 ? chosen : direct;
        List<Multiaddr> told = [];
        int bytes = 0;
        foreach (Multiaddr address in chosen.Select(a => a.WithPeerId(relay)).Take(RelayCodec.MaxAddresses))
        {
            bytes += address.Bytes.Length;
            if (bytes <= MaxTotalBytes)
            {
                told.Add(address);
            }
        }

        return told;
    }

    /// <summary>The IP that an address begins with; null when it begins otherwise.</summary>
    public static IPAddress? IpOf(Multiaddr address)
    {
        MultiaddrComponent first = address.Components[0];
        return first.Protocol == MultiaddrProtocol.IP4 || first.Protocol == MultiaddrProtocol.IP6
            ? new IPAddress(first.Bytes)
            : null;
    }

    private static bool IsLoopback(Multiaddr address) => IpOf(address) is { } ip && IPAddress.IsLoopback(ip);
}
