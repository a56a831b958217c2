using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Slots on real relays.</summary>
public sealed class RelayClientTests
{
    [Fact]
    public async Task A_slot_says_where_we_are_reached_until_when_and_how_much_may_pass()
    {
        await using var net = new CircuitNet();
        (Node relay, RelayServer server) = await net.RelayAsync(0, o => o with { StrangerLimit = new LinkLimit(null, 1000) });

        (Node node, RelayClient client) = await net.ReservedAsync(1, relay);

        RelayReservation slot = Assert.Single(client.Reservations);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        Assert.Equal(new LinkLimit(null, 1000), slot.Limit);
        Assert.InRange(slot.Expires, now + TimeSpan.FromMinutes(55), now + TimeSpan.FromMinutes(60));
        Assert.NotNull(slot.RoundTrip);
        Assert.Equal(CircuitNet.Through(relay, node.LocalPeer), slot.Addresses[0].WithPeerId(node.LocalPeer));
        await Within.UntilAsync(() => node.ListenAddresses.Contains(CircuitNet.Through(relay, node.LocalPeer)), "others are told");
        Assert.Equal(1, server.Status.Reservations);
    }

    [Fact]
    public async Task Nothing_is_reserved_before_it_is_needed_and_nothing_told_of_after()
    {
        await using var net = new CircuitNet();
        (Node relay, RelayServer server) = await net.RelayAsync(0);
        (Node node, RelayClient client) = net.Hidden(1);
        client.SetNeeded(false);
        await Swarms.ConnectAsync(node, relay);
        await Swarms.IdentifiedAsync(node, relay);
        Assert.Equal(0, server.Status.Reservations);

        client.SetNeeded(true);
        await CircuitNet.HoldsAsync(client, relay);
        client.SetNeeded(false);

        Assert.Empty(client.Reservations);
        Assert.DoesNotContain(node.ListenAddresses, a => a.IsRelayed);
    }

    [Fact]
    public async Task Connections_that_were_there_before_are_looked_at()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        Node node = net.Dialer(1);
        await Swarms.ConnectAsync(node, relay);
        await Swarms.IdentifiedAsync(node, relay);

        await using var client = new RelayClient(node.Network, new RelayClientOptions());
        client.Start();
        client.SetNeeded(true);

        await CircuitNet.HoldsAsync(client, relay);
    }

    [Fact]
    public async Task A_peer_that_begins_to_relay_is_asked_then()
    {
        await using var net = new CircuitNet();
        (Node relay, RelayServer server) = await net.RelayAsync(0);
        server.SetActive(false);
        (Node node, RelayClient client) = net.Hidden(1);
        await Swarms.ConnectAsync(node, relay);
        await Swarms.IdentifiedAsync(node, relay);

        server.SetActive(true);
        await CircuitNet.HoldsAsync(client, relay);

        server.SetActive(false);
        await CircuitNet.HoldsAsync(client);
    }

    [Fact]
    public async Task Another_relay_takes_over_from_one_that_dies()
    {
        await using var net = new CircuitNet();
        (Node first, _) = await net.RelayAsync(0);
        (Node second, RelayServer spare) = await net.RelayAsync(3);
        (Node node, RelayClient client) = await net.ReservedAsync(1, first, o => o with { Reservations = 1 });
        await Swarms.ConnectAsync(node, second);
        await Swarms.IdentifiedAsync(node, second);
        Assert.Equal(0, spare.Status.Reservations);

        await first.DisposeAsync().LimitAsync("the first relay's end");

        await CircuitNet.HoldsAsync(client, second);
        Node a = net.Dialer(5);
        await CircuitNet.ConnectAsync(a, second, node);
        Assert.Equal([1, 2, 3], await Swarms.AskAsync(a, node.LocalPeer, CircuitNet.Echo, [1, 2, 3]));
    }

    [Fact]
    public async Task Slots_are_held_on_several_relays_at_once()
    {
        await using var net = new CircuitNet();
        (Node first, _) = await net.RelayAsync(0);
        (Node second, _) = await net.RelayAsync(3);
        (Node third, RelayServer spare) = await net.RelayAsync(4);
        (Node node, RelayClient client) = await net.ReservedAsync(1, first);
        await Swarms.ConnectAsync(node, second);
        await CircuitNet.HoldsAsync(client, first, second);
        await Swarms.ConnectAsync(node, third);
        await Swarms.IdentifiedAsync(node, third);

        Assert.Equal(0, spare.Status.Reservations);
        Assert.Equal(2, node.ListenAddresses.Count(a => a.IsRelayed));
    }

    [Fact]
    public async Task A_slot_is_renewed_before_it_ends()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0, o => o with { ReservationTime = TimeSpan.FromSeconds(4) });
        (_, RelayClient client) = await net.ReservedAsync(1, relay, o => o with { MinLifetime = TimeSpan.FromMilliseconds(100) });
        RelayReservation first = client.Reservations[0];
        bool wasLost = false;
        client.Changed += () => wasLost |= client.Reservations.Count == 0;

        await Within.UntilAsync(() => client.Reservations.Any(r => r.Expires > first.Expires), "the slot is renewed");

        Assert.Equal(first.Since, client.Reservations[0].Since);
        Assert.False(wasLost);
    }

    [Fact]
    public async Task Relays_of_the_settings_are_dialled_and_a_lost_one_is_dialled_again()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        (Node node, RelayClient client) = net.Hidden(1, o => o with { Relays = [relay.ListenAddresses[0]] });
        await CircuitNet.HoldsAsync(client, relay);

        await node.DisconnectAsync(relay.LocalPeer).AsTask().LimitAsync("disconnecting");

        await Within.UntilAsync(
            () => client.Reservations.Count == 1 && node.ConnectedPeers.Contains(relay.LocalPeer), "the slot is back");
    }

    [Fact]
    public async Task A_relay_that_refuses_is_not_held_and_not_hammered()
    {
        await using var net = new CircuitNet();
        (Node full, RelayServer server) = await net.RelayAsync(0, o => o with { MaxReservations = 1, StrangerShare = 1 });
        await net.ReservedAsync(2, full);
        (Node node, RelayClient client) = net.Hidden(1);
        await Swarms.ConnectAsync(node, full);

        await Within.UntilAsync(() => server.Status.Refused.Values.Sum() > 0, "the relay refused");
        (Node other, _) = await net.RelayAsync(3);
        await Swarms.ConnectAsync(node, other);
        await CircuitNet.HoldsAsync(client, other);

        Assert.Equal(1, server.Status.Refused.Values.Sum());
        Assert.Equal(0, node.GetPeerInfo(full.LocalPeer)!.Score);
    }

    [Fact]
    public async Task Disposing_ends_it_for_good_and_the_circuits_stay()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        (Node node, RelayClient client) = await net.ReservedAsync(1, relay);
        Node a = net.Dialer(5);
        await CircuitNet.ConnectAsync(a, relay, node);

        await client.DisposeAsync().AsTask().LimitAsync("disposing");
        await client.DisposeAsync().AsTask().LimitAsync("disposing again");
        client.SetNeeded(false);

        Assert.Equal([9], await Swarms.AskAsync(a, node.LocalPeer, CircuitNet.Echo, [9]));
    }
}
