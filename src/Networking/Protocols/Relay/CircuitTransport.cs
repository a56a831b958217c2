using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Dials peers through relays: <c>/ip4/…/tcp/…/p2p/relay/p2p-circuit/p2p/target</c>.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2, hop protocol. It only dials; circuits to this node come through
/// <see cref="CircuitAcceptor"/>. Safe for several threads.
/// </remarks>
/// <param name="network">The swarm whose connections carry the circuits.</param>
/// <param name="options">Limits.</param>
/// <param name="slots">This node's own; null for none.</param>
internal sealed class CircuitTransport(
    ISwarmNetwork network, RelayClientOptions options, Func<IReadOnlyList<RelayReservation>>? slots = null) : ICircuitTransport
{
    /// <inheritdoc/>
    public bool Handles(Multiaddr address) => address.IsRelayed;

    /// <summary>Never: a relay brings circuits by itself once it has given us a slot.</summary>
    public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
        throw new NotSupportedException("nobody listens on a relayed address: a reservation takes its place");

    /// <inheritdoc/>
    public IReadOnlyList<Multiaddr> InOrder(PeerId target, IEnumerable<Multiaddr> addresses) =>
        RelayOrder.Sort(network.Identity.PeerId, target, addresses, slots?.Invoke() ?? []);

    /// <summary>Gets a direct connection to the relay and asks it for a circuit.</summary>
    /// <exception cref="UpgradeException">The address cannot be used, the relay cannot be reached, or it refused; the message
    /// says which.</exception>
    /// <exception cref="IOException">The stream with the relay broke.</exception>
    public async ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        (RelayedAddress way, PeerId target) = Check(address);
        using var limit = new Deadline(options.DialTimeout, network.Time, cancellationToken);
        try
        {
            SwarmConnection relay = await RelayConnections.GetAsync(
                network, way.Relay, way.RelayAddress is { } known ? [known] : [], limit.Token).ConfigureAwait(false);
            HopExchange exchange = await HopExchange.AskAsync(network, relay, HopMessage.Connect(target), limit.Token)
                .ConfigureAwait(false);
            return ToLink(exchange, address.PeerId is null ? address : address.WithoutPeerId()!);
        }
        catch (OperationCanceledException e) when (limit.Passed)
        {
            throw new UpgradeException(
                EndReason.Timeout, $"no circuit through the relay {way.Relay} within {options.DialTimeout}", e);
        }
    }

    private (RelayedAddress Way, PeerId Target) Check(Multiaddr address)
    {
        if (!RelayedAddress.TryParse(address, out RelayedAddress? way))
        {
            throw new UpgradeException(EndReason.ProtocolNotSupported, "not the address of one peer behind one relay");
        }

        PeerId self = network.Identity.PeerId;
        if (way.Relay == self || way.Target == self)
        {
            throw new UpgradeException(EndReason.SelfDial, "the way leads through or to this node itself");
        }

        return way.Target is { } target && target != way.Relay
            ? (way, target)
            : throw new UpgradeException(EndReason.ProtocolNotSupported, "the address names nobody behind the relay");
    }

    private static CircuitLink ToLink(HopExchange exchange, Multiaddr remote)
    {
        if (exchange.Answer.Status != RelayStatusCode.Ok)
        {
            exchange.Stream.Reset(EndReason.ClosedLocally);
            throw RelayRefusal.ToException(exchange.Answer.Status);
        }

        Multiaddr local = RelayedAddress.OurEnd(exchange.Stream.Connection.LocalAddress);
        return new CircuitLink(exchange.Stream, exchange.Rest, local, remote, exchange.Answer.Limit);
    }
}
