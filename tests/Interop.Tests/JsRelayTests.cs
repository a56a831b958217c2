using System.Text.Json.Nodes;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>Circuit relay v2 with js-libp2p's: as relay, as the one behind it, and as the one who dials.</summary>
public sealed class JsRelayTests
{
    private const int JsDefaultBytes = 128 * 1024;
    private const int SmallLimit = 48 * 1024;
    private const int BeyondSmallLimit = 4 * SmallLimit;

    [Fact]
    public async Task Js_reaches_us_through_a_js_relay_where_we_hold_a_slot()
    {
        await using JsPeer relay = await StartRelayAsync(bytes: 0);
        await using JsPeer caller = await StartAsync();
        await using Node node = await EchoNode.ClientAsync(2, [relay.Address]);

        RelayReservation slot = await node.ReservationAsync();
        JsonObject dialled = await DialAsync(caller, await node.RelayedAddressAsync());
        ConnectionInfo connection = await ConnectedAsync(node, caller.Peer);

        Assert.Equal(relay.Peer, slot.Relay);
        Assert.Equal(node.LocalPeer.ToString(), (string?)(await relay.AskAsync("reservations"))["peers"]![0]);
        // js-libp2p grants two minutes, and writes them in milliseconds where seconds are due.
        Assert.Equal(new LinkLimit(TimeSpan.FromSeconds(120_000), JsDefaultBytes), slot.Limit);
        Assert.Equal(slot.Limit, connection.Limit);
        Assert.Equal((ConnectionPath.Relayed, ConnectionDirection.Inbound), (connection.Path, connection.Direction));
        Assert.True(connection.RemoteAddress.IsRelayed);
        Assert.Equal(node.LocalPeer.ToString(), (string?)dialled["peer"]);
        Assert.True((bool)dialled["limited"]!);
        Assert.Equal(1000, await EchoAsync(caller, node, 1000));
        Assert.Equal(1000, await node.EchoAsync(caller.Peer, 1000));
    }

    [Fact]
    public async Task One_of_ours_reaches_another_through_a_js_relay()
    {
        await using JsPeer relay = await StartRelayAsync(bytes: 0);
        await using Node target = await EchoNode.ClientAsync(2, [relay.Address]);
        await using Node caller = await EchoNode.ClientAsync(3, []);

        PeerId reached = await caller.ConnectAsync(await target.RelayedAddressAsync(), default).LimitAsync("dialling");

        Assert.Equal(target.LocalPeer, reached);
        ConnectionInfo connection = caller.ConnectionWith(reached);
        Assert.Equal((ConnectionPath.Relayed, ConnectionDirection.Outbound), (connection.Path, connection.Direction));
        Assert.Equal(JsDefaultBytes, connection.Limit!.Bytes);
        Assert.Equal(1000, await caller.EchoAsync(target.LocalPeer, 1000));
        Assert.True(await target.PingAsync(caller.LocalPeer, default).LimitAsync("a ping") > TimeSpan.Zero);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_js_relay_ends_a_circuit_at_its_limit_and_we_keep_the_slot(bool weSend)
    {
        await using JsPeer relay = await StartRelayAsync(SmallLimit);
        await using JsPeer caller = await StartAsync();
        await using Node node = await EchoNode.ClientAsync(2, [relay.Address]);
        Multiaddr address = await node.RelayedAddressAsync();
        await DialAsync(caller, address);
        Assert.Equal(SmallLimit, (await ConnectedAsync(node, caller.Peer)).Limit!.Bytes);

        if (weSend)
        {
            await Assert.ThrowsAnyAsync<IOException>(() => node.EchoAsync(caller.Peer, BeyondSmallLimit));
        }
        else
        {
            Assert.True(await EchoAsync(caller, node, BeyondSmallLimit) < BeyondSmallLimit);
        }

        await Within.UntilAsync(() => node.Connections.All(c => c.Peer != caller.Peer), "the circuit has ended");
        await ForgottenAsync(caller, node.LocalPeer);
        Assert.Equal(relay.Peer, (await node.ReservationAsync()).Relay);
        await DialAsync(caller, address);
        Assert.Equal(1000, await EchoAsync(caller, node, 1000));
    }

    [Fact]
    public async Task Js_holds_a_slot_on_our_relay_and_is_reached_through_it()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using JsPeer target = await StartAsync();
        await using JsPeer caller = await StartAsync();
        await using Node node = await EchoNode.ClientAsync(2, []);

        Multiaddr address = await ListenAsync(target, relay);
        Assert.Equal(1, relay.Nat!.Status.Relaying!.Reservations);
        JsonObject dialled = await DialAsync(caller, address);
        Assert.Equal(target.Peer, await node.ConnectAsync(address, default).LimitAsync("dialling"));

        LinkLimit limit = new RelayServerOptions().StrangerLimit!;
        ConnectionInfo connection = node.ConnectionWith(target.Peer);
        Assert.Equal((ConnectionPath.Relayed, limit), (connection.Path, connection.Limit));
        AssertShown(limit, dialled);
        AssertShown(limit, await ConnectionAsync(target, node.LocalPeer));
        AssertShown(limit, await ConnectionAsync(target, caller.Peer));
        Assert.Equal(1000, await EchoAsync(caller, target.Peer, 1000));
        Assert.Equal(1000, await node.EchoAsync(target.Peer, 1000));
        Assert.Equal(1000, await EchoAsync(target, node, 1000));
        Assert.Equal(2, relay.Nat.Status.Relaying.Circuits);
    }

    [Fact]
    public async Task Our_relay_ends_a_circuit_of_js_at_its_limit_and_js_keeps_the_slot()
    {
        await using Node relay = await EchoNode.RelayAsync(
            new RelayServerOptions { StrangerLimit = new LinkLimit(TimeSpan.FromMinutes(2), SmallLimit) });
        await using JsPeer target = await StartAsync();
        await using JsPeer caller = await StartAsync();
        Multiaddr address = await ListenAsync(target, relay);
        await DialAsync(caller, address);

        Assert.True(await EchoAsync(caller, target.Peer, BeyondSmallLimit) < BeyondSmallLimit);

        await ForgottenAsync(caller, target.Peer);
        await Within.UntilAsync(() => relay.Nat!.Status.Relaying!.Circuits == 0, "the circuit has ended");
        Assert.Equal(1, relay.Nat!.Status.Relaying!.CircuitEnds[EndReason.LimitReached]);
        Assert.Equal(1, relay.Nat.Status.Relaying.Reservations);
        await DialAsync(caller, address);
        Assert.Equal(1000, await EchoAsync(caller, target.Peer, 1000));
    }

    [Fact]
    public async Task Js_reads_from_our_relay_that_its_target_holds_no_slot()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using Node target = await EchoNode.ClientAsync(2, []);
        await using JsPeer caller = await StartAsync();
        Multiaddr address = Multiaddr.Parse($"{relay.ListenAddresses[0]}/p2p-circuit/p2p/{target.LocalPeer}");

        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => DialAsync(caller, address));

        Assert.Contains("NO_RESERVATION", e.Message, StringComparison.Ordinal);
    }

    private static Task<JsPeer> StartAsync() => JsPeer.StartAsync(script: "relay.mjs");

    private static Task<JsPeer> StartRelayAsync(int bytes) =>
        JsPeer.StartAsync(script: "relay.mjs", options: ("relay", bytes));

    private static Task<JsonObject> DialAsync(JsPeer js, Multiaddr address) =>
        js.AskAsync("dial", ("address", address.ToString()));

    private static async Task<Multiaddr> ListenAsync(JsPeer js, Node relay)
    {
        JsonObject listening = await js.AskAsync("listen", ("relay", relay.ListenAddresses[0].ToString()));
        return Multiaddr.Parse((string)Assert.Single(listening["addresses"]!.AsArray())!);
    }

    private static async Task<ConnectionInfo> ConnectedAsync(Node node, PeerId peer)
    {
        await Within.UntilAsync(() => node.Connections.Any(c => c.Peer == peer), "we are connected");
        return node.ConnectionWith(peer);
    }

    private static async Task<JsonObject> ConnectionAsync(JsPeer js, PeerId peer) =>
        Assert.Single((await js.AskAsync("connections", ("peer", peer.ToString())))["connections"]!.AsArray())!.AsObject();

    private static Task ForgottenAsync(JsPeer js, PeerId peer) => JsPeer.UntilAsync(
        async () => (await js.AskAsync("connections", ("peer", peer.ToString())))["connections"]!.AsArray().Count == 0,
        "js has seen the circuit end");

    private static Task<int> EchoAsync(JsPeer js, Node to, int bytes) => EchoAsync(js, to.LocalPeer, bytes);

    private static async Task<int> EchoAsync(JsPeer js, PeerId to, int bytes) =>
        (int)(await js.AskAsync("echo", ("peer", to.ToString()), ("bytes", bytes)))["echoed"]!;

    /// <summary>js-libp2p counts bytes and seconds down from the moment of the circuit.</summary>
    private static void AssertShown(LinkLimit limit, JsonObject connection)
    {
        Assert.True((bool)connection["limited"]!);
        Assert.InRange((int)connection["bytes"]!, 1, (int)limit.Bytes!);
        Assert.InRange((int)connection["seconds"]!, 1, (int)limit.Duration!.Value.TotalSeconds);
    }
}
