using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Management;

/// <summary>Turns what the swarm knows of its paths into the view that tools get.</summary>
internal static class NatViews
{
    /// <summary>The whole view.</summary>
    /// <param name="self">This node.</param>
    /// <param name="status">How it is reached.</param>
    /// <param name="connections">How it reaches others.</param>
    /// <param name="members">The connected peers that have proven to be members.</param>
    public static NatView Of(PeerId self, NatStatus status, IReadOnlyList<ConnectionInfo> connections, IReadOnlyCollection<PeerId> members)
    {
        PeerPathView[] peers =
        [
            .. connections.GroupBy(c => c.Peer).Select(c => PathOf(c, members)).OrderBy(p => p.Peer, StringComparer.Ordinal),
        ];
        return new NatView(
            self.ToString(),
            NatAdvice.StateOf(status),
            Word(status.Mapping),
            Word(status.Filtering),
            [.. status.Addresses.Select(Of)],
            new PortMappingView([.. status.PortMappings], status.PortMappingProblem),
            [.. status.Relays.Select(Of)],
            status.Relaying is { IsActive: true } relaying ? Of(relaying) : null,
            peers,
            NatAdvice.Remedies(status, peers.Count(p => p.Path == "relayed")));
    }

    /// <summary>The word for a path.</summary>
    public static string Word(ConnectionPath path) => path.ToString().ToLowerInvariant();

    private static string Word(NatMapping mapping) => mapping switch
    {
        NatMapping.None => "none",
        NatMapping.EndpointIndependent => "endpoint-independent",
        NatMapping.EndpointDependent => "endpoint-dependent",
        _ => "unknown",
    };

    private static string Word(NatFiltering filtering) => filtering switch
    {
        NatFiltering.EndpointIndependent => "endpoint-independent",
        NatFiltering.EndpointDependent => "endpoint-dependent",
        _ => "unknown",
    };

    private static string Word(AddressSource source) => source switch
    {
        AddressSource.Listen => "interface",
        AddressSource.Configured => "configured",
        AddressSource.Mapped => "router",
        AddressSource.Observed => "observed",
        _ => "relay",
    };

    private static NatAddressView Of(AddressStatus address) => new(
        address.Address.ToString(),
        Word(address.Source),
        address.Reachability.ToString().ToLowerInvariant(),
        address.Observers,
        address.Announced);

    private static RelayView Of(RelayReservation slot) => new(
        slot.Relay.ToString(),
        [.. slot.Addresses.Select(a => a.ToString())],
        slot.Since,
        slot.Expires,
        slot.Limit?.Duration?.TotalSeconds,
        slot.Limit?.Bytes,
        slot.RoundTrip?.TotalMilliseconds);

    private static RelayingView Of(RelayServerStatus status) =>
        new(status.Reservations, status.MaxReservations, status.Circuits, status.BytesRelayed, status.Refused);

    /// <summary>Of several connections with a peer the one that streams are opened on: direct before relayed, the older one.</summary>
    private static PeerPathView PathOf(IGrouping<PeerId, ConnectionInfo> connections, IReadOnlyCollection<PeerId> members)
    {
        ConnectionInfo used = connections.OrderBy(c => c.IsRelayed).ThenBy(c => c.Id).First();
        return new PeerPathView(
            connections.Key.ToString(),
            members.Contains(connections.Key),
            Word(used.Path),
            used.RemoteAddress.ToString(),
            used.OpenedAt,
            used.RoundTripTime?.TotalMilliseconds,
            used.Limit?.Bytes);
    }
}
