using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>Looks up a name; the system's resolver, or a table in tests.</summary>
/// <param name="host">The name.</param>
/// <param name="family">IPv4, IPv6, or unspecified for both.</param>
/// <param name="cancellationToken">Ends the wait.</param>
public delegate Task<IPAddress[]> NameResolver(string host, AddressFamily family, CancellationToken cancellationToken);

/// <summary>Turns <c>/dns…</c> addresses that we are about to dial into IP addresses.</summary>
/// <param name="resolve">The resolver.</param>
internal sealed class AddressResolver(NameResolver resolve)
{
    /// <summary>Addresses taken of one name; a name with more is a trick to make us dial.</summary>
    public const int MaxAddressesPerName = 8;

    /// <summary>Resolves an address; one without a name stays itself.</summary>
    /// <exception cref="SocketException">The name does not resolve.</exception>
    public async Task<IReadOnlyList<Multiaddr>> ResolveAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        if (!address.TryToTcpEndPoint(out EndPoint? endPoint) || endPoint is not DnsEndPoint name)
        {
            return [address];
        }

        IPAddress[] found = await resolve(name.Host, name.AddressFamily, cancellationToken).ConfigureAwait(false);
        return
        [
            .. found.Take(MaxAddressesPerName).Select(ip =>
            {
                Multiaddr resolved = Multiaddr.FromTcpEndPoint(new IPEndPoint(ip, name.Port));
                return address.PeerId is { } peer ? resolved.WithPeerId(peer) : resolved;
            }),
        ];
    }
}
