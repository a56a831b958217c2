using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Direct connections to relays: a relay is never reached through another one.</summary>
internal static class RelayConnections
{
    /// <summary>Addresses of a relay that are tried.</summary>
    public const int MaxAddresses = 8;

    /// <summary>The direct connection with a peer that is up; null when there is none.</summary>
    public static SwarmConnection? Find(ISwarmNetwork network, PeerId peer) =>
        network.ConnectionsOf(peer).FirstOrDefault(c => c is { IsRelayed: false, IsClosing: false });

    /// <summary>The direct connection that is up, or a new one.</summary>
    /// <param name="network">The swarm.</param>
    /// <param name="relay">Whom to reach.</param>
    /// <param name="addresses">Tried first, before those that are known of the peer.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">No address is known, or none came up.</exception>
    public static async ValueTask<SwarmConnection> GetAsync(
        ISwarmNetwork network, PeerId relay, IEnumerable<Multiaddr> addresses, CancellationToken cancellationToken)
    {
        if (Find(network, relay) is { } open)
        {
            return open;
        }

        var failure = new UpgradeException(EndReason.LinkLost, $"no address of the relay {relay} is known");
        foreach (Multiaddr address in addresses.Concat(network.AddressesOf(relay))
            .Where(a => !a.IsRelayed).Select(a => a.WithPeerId(relay)).Distinct().Take(MaxAddresses))
        {
            try
            {
                return await DialAsync(network, relay, address, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                EndReason reason = EndReasons.Of(e) ?? EndReason.LinkLost;
                failure = new UpgradeException(reason, $"the relay {relay} cannot be reached: {e.Message}", e);
            }
        }

        throw failure;
    }

    private static async Task<SwarmConnection> DialAsync(
        ISwarmNetwork network, PeerId relay, Multiaddr address, CancellationToken cancellationToken)
    {
        SwarmConnection connection = await network.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
        if (!connection.IsRelayed)
        {
            return connection;
        }

        // It is connected through another relay, which satisfies the dialer but not us.
        ITransportLink link = await network.DialLinkAsync(
            address.WithoutPeerId()!, DialOrigin.Preferred, cancellationToken).ConfigureAwait(false);
        return await network.AdoptAsync(link, LinkTerms.Outbound(ConnectionPath.Direct, relay), cancellationToken)
            .ConfigureAwait(false);
    }
}
