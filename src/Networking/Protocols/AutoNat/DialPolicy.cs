using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Whom an AutoNAT server may dial for whom: pure.</summary>
/// <remarks>Only IPs and TCP ports: a name could be made to mean anything. Safe for several threads.</remarks>
/// <param name="limits">How many addresses are looked at.</param>
/// <param name="rule">Which addresses are public; others are never dialled.</param>
/// <param name="ownIps">The IPs of this node, known or seen by others, at this moment.</param>
internal sealed class DialPolicy(AutoNatServerLimits limits, AddressRule rule, Func<IReadOnlyCollection<IPAddress>> ownIps)
{
    /// <summary>Whether we can tell how the world reaches a requester: one in our own network, or behind the same NAT, we
    /// reach in another way than the world does.</summary>
    public bool CanJudge(IPAddress requester) =>
        rule.Allows(requester) && (IPAddress.IsLoopback(requester) || !ownIps().Contains(requester));

    /// <summary>The first address that we are willing to dial.</summary>
    /// <param name="addresses">Untrusted.</param>
    /// <param name="requester">Where the requester is seen.</param>
    /// <param name="choice">Which, and whether the requester has to pay for it with data.</param>
    public bool TryChoose(
        IReadOnlyList<ByteString> addresses, IPAddress requester, [NotNullWhen(true)] out DialChoice? choice)
    {
        choice = null;
        int count = Math.Min(addresses.Count, limits.MaxAddresses);
        IReadOnlyCollection<IPAddress> own = ownIps();
        for (int i = 0; i < count && choice is null; i++)
        {
            if (TryRead(addresses[i], out Multiaddr? address, out IPAddress? ip) && MayDial(ip, requester, own))
            {
                choice = new DialChoice(i, address, ip, NeedsData: !ip.Equals(requester));
            }
        }

        return choice is not null;
    }

    /// <summary>Version 1: the addresses at the requester's own IP.</summary>
    public IReadOnlyList<Multiaddr> AtRequester(IReadOnlyList<ByteString> addresses, IPAddress requester)
    {
        HashSet<Multiaddr> found = [];
        foreach (ByteString bytes in addresses.Take(limits.MaxV1Addresses))
        {
            if (found.Count < limits.MaxV1Dials
                && TryRead(bytes, out Multiaddr? address, out IPAddress? ip)
                && ip.Equals(requester)
                && rule.Allows(ip))
            {
                found.Add(address);
            }
        }

        return [.. found];
    }

    private static bool TryRead(
        ByteString bytes, [NotNullWhen(true)] out Multiaddr? address, [NotNullWhen(true)] out IPAddress? ip)
    {
        (address, ip) = (null, null);
        if (!Multiaddr.TryFromBytes(bytes.Span, out Multiaddr? read) || !ThinWaist.TryGet(read, out IPEndPoint? end))
        {
            return false;
        }

        (address, ip) = (Multiaddr.FromTcpEndPoint(end), end.Address);
        return true;
    }

    private bool MayDial(IPAddress ip, IPAddress requester, IReadOnlyCollection<IPAddress> own)
    {
        if (!rule.Allows(ip))
        {
            return false;
        }

        // Our own IPs: what we reach there, the world may not. Another family: only when we have it ourselves.
        return ip.Equals(requester) || (!own.Contains(ip) && (ip.AddressFamily == requester.AddressFamily || Has(ip.AddressFamily, own)));
    }

    private bool Has(AddressFamily family, IReadOnlyCollection<IPAddress> own) =>
        own.Any(o => o.AddressFamily == family
            && !IPAddress.IsLoopback(o)
            && (family == AddressFamily.InterNetwork || rule.Allows(o)));
}

/// <summary>What a server dials for a request.</summary>
/// <param name="Index">Place in the request.</param>
/// <param name="Address">IP and port, nothing else.</param>
/// <param name="Ip">Of the address.</param>
/// <param name="NeedsData">It is not where the requester is seen: the requester has to upload first.</param>
internal sealed record DialChoice(int Index, Multiaddr Address, IPAddress Ip, bool NeedsData);
