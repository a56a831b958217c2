using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Connections through real relays, from one hidden node to another.</summary>
public sealed class CircuitTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_hidden_node_is_reached_and_streams_go_both_ways()
    {
        await using var net = new CircuitNet();
        (Node relay, RelayServer server) = await net.RelayAsync(0);
        (Node b, RelayClient client) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1);
        byte[] bytes = [.. Enumerable.Range(0, 300_000).Select(i => (byte)i)];

        await CircuitNet.ConnectAsync(a, relay, b);

        Assert.Equal(bytes, await Swarms.AskAsync(a, b.LocalPeer, CircuitNet.Echo, bytes));
        Assert.Equal(bytes, await Swarms.AskAsync(b, a.LocalPeer, CircuitNet.Echo, bytes));
        Assert.Equal((1, 1), (client.InboundCircuitCount, server.Status.Circuits));
    }

    [Fact]
    public async Task Both_ends_know_that_and_through_whom_they_are_connected()
    {
        var limit = new LinkLimit(TimeSpan.FromMinutes(2), 100_000);
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0, o => o with { StrangerLimit = limit });
        (Node b, _) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1);

        await CircuitNet.ConnectAsync(a, relay, b);

        foreach ((Node near, Node far) in new[] { (a, b), (b, a) })
        {
            await Swarms.IdentifiedAsync(near, far);
            ConnectionInfo connection = near.Connections.Single(c => c.Peer == far.LocalPeer);
            Assert.Equal((true, ConnectionPath.Relayed), (connection.IsRelayed, connection.Path));
            Assert.Equal((limit.Duration, limit.Bytes), (connection.Limit?.Duration, connection.Limit?.Bytes));
            Assert.True(RelayedAddress.TryParse(connection.RemoteAddress, out RelayedAddress? way));
            Assert.Equal((relay.LocalPeer, null), (way.Relay, way.Target));
        }

        Assert.Equal(ConnectionRole.Dialer, a.Connections.Single(c => c.Peer == b.LocalPeer).Role);
        Assert.Equal("test/2", a.GetPeerInfo(b.LocalPeer)!.AgentVersion);
        Assert.True(await a.PingAsync(b.LocalPeer, None).LimitAsync("a ping") > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_limited_connection_is_not_for_everybody()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0, o => o with { StrangerLimit = new LinkLimit(null, 100_000) });
        (Node b, _) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1, o => o with { Timeouts = o.Timeouts with { DirectWait = TimeSpan.FromMilliseconds(100) } });
        await CircuitNet.ConnectAsync(a, relay, b);

        PeerUnreachableException e = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => a.OpenStreamAsync(b.LocalPeer, CircuitNet.Echo, None).LimitAsync("the refusal"));

        Assert.Equal(EndReason.LimitedConnection, e.Reason);
    }

    [Fact]
    public async Task A_peer_is_dialled_by_the_addresses_that_it_tells()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        (Node b, _) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1);
        Assert.True(a.TryAddPeerRecord(b.LocalPeerRecord.ToProtobuf()));

        await a.ConnectAsync(b.LocalPeer, None).LimitAsync("a dial by peer id");

        Assert.True(Assert.Single(a.Connections, c => c.Peer == b.LocalPeer).IsRelayed);
    }

    [Fact]
    public async Task A_relayed_dial_does_not_wait_for_the_place_of_the_dial_of_its_relay()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        (Node b, _) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1, o => o with { Limits = o.Limits with { MaxConcurrentDials = 1 } });

        await CircuitNet.ConnectAsync(a, relay, b);
    }

    [Fact]
    public async Task The_relays_limit_ends_the_circuit_and_both_ends_survive()
    {
        await using var net = new CircuitNet();
        (Node relay, RelayServer server) = await net.RelayAsync(0, o => o with { StrangerLimit = new LinkLimit(null, 50_000) });
        Func<SwarmOptions, SwarmOptions> optIn = o => o with
        {
            LimitedProtocols = new Dictionary<string, long> { [CircuitNet.Echo.Value] = 0 },
        };
        (Node b, RelayClient client) = await net.ReservedAsync(2, relay, swarm: optIn);
        Node a = net.Dialer(1, optIn);
        await CircuitNet.ConnectAsync(a, relay, b);
        SwarmConnection circuit = a.Network.ConnectionsOf(b.LocalPeer).Single();

        await Assert.ThrowsAnyAsync<IOException>(
            () => Swarms.AskAsync(a, b.LocalPeer, CircuitNet.Echo, new byte[200_000]));

        await circuit.Ended.LimitAsync("the end of the connection");
        await Within.UntilAsync(() => !b.ConnectedPeers.Contains(a.LocalPeer), "the other side has noticed");
        await Within.UntilAsync(() => client.InboundCircuitCount == 0, "its place is free");
        await Within.UntilAsync(() => server.Status.Circuits == 0, "the relay's place is free");
        await CircuitNet.ConnectAsync(a, relay, b);
        Assert.Equal(new byte[1000], await Swarms.AskAsync(a, b.LocalPeer, CircuitNet.Echo, new byte[1000]));
        Assert.Contains(relay.LocalPeer, b.ConnectedPeers);
    }

    [Fact]
    public async Task Closing_the_connection_frees_the_circuit_everywhere()
    {
        await using var net = new CircuitNet();
        (Node relay, RelayServer server) = await net.RelayAsync(0);
        (Node b, RelayClient client) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1);
        await CircuitNet.ConnectAsync(a, relay, b);

        await a.DisconnectAsync(b.LocalPeer).AsTask().LimitAsync("disconnecting");

        await Within.UntilAsync(() => !b.ConnectedPeers.Contains(a.LocalPeer), "the other side has noticed");
        await Within.UntilAsync(() => client.InboundCircuitCount == 0 && server.Status.Circuits == 0, "the places are free");
        Assert.Contains(relay.LocalPeer, a.ConnectedPeers);
    }

    [Fact]
    public async Task A_connection_over_a_relay_that_goes_away_ends()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        (Node b, RelayClient client) = await net.ReservedAsync(2, relay);
        Node a = net.Dialer(1);
        await CircuitNet.ConnectAsync(a, relay, b);

        await relay.DisposeAsync().LimitAsync("the relay's end");

        await Within.UntilAsync(() => a.ConnectedPeers.Count == 0 && b.ConnectedPeers.Count == 0, "nobody is connected");
        await Within.UntilAsync(() => client.Reservations.Count == 0 && client.InboundCircuitCount == 0, "nothing is held");
    }

    [Fact]
    public async Task A_peer_without_a_slot_is_not_reached_and_the_message_says_why()
    {
        await using var net = new CircuitNet();
        (Node relay, _) = await net.RelayAsync(0);
        Node a = net.Dialer(1);

        PeerUnreachableException e = await FailAsync(a, relay, TestPeers.Id(7));

        Assert.Equal(EndReason.LinkLost, e.Reason);
        Assert.Contains("no reservation of that peer", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_does_not_relay_is_no_way()
    {
        await using var net = new CircuitNet();
        await using Node plain = await Swarms.ListenAsync(5);
        Node a = net.Dialer(1);

        Assert.Equal(EndReason.ProtocolNotSupported, (await FailAsync(a, plain, TestPeers.Id(7))).Reason);
    }

    [Fact]
    public async Task A_relay_that_is_not_there_is_said_to_be_so()
    {
        await using var net = new CircuitNet();
        Node a = net.Dialer(1);
        Node gone = await Swarms.ListenAsync(5);
        Multiaddr way = CircuitNet.Through(gone, TestPeers.Id(7));
        await gone.DisposeAsync();

        PeerUnreachableException e = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => a.ConnectAsync(way, None).LimitAsync("the failure"));

        Assert.Contains("cannot be reached", e.Message, StringComparison.Ordinal);
    }

    private static Task<PeerUnreachableException> FailAsync(Node from, Node relay, PeerId target) =>
        Assert.ThrowsAsync<PeerUnreachableException>(
            () => from.ConnectAsync(CircuitNet.Through(relay, target), None).LimitAsync("the failure"));
}
