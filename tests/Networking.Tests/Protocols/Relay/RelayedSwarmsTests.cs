using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Whole nodes that have nothing but a relay between them: handshakes, muxer and identify run through it.</summary>
public sealed class RelayedSwarmsTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly ProtocolId Echo = new("/test/echo/1.0.0");

    [Fact]
    public async Task Members_work_over_a_relay_as_over_any_connection()
    {
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { IsMember = static _ => true, MemberLimit = null, MaxBytesPerSecond = 0 });
        await using Held b = await HeldAsync(net, 2);
        Node a = await DialerAsync(net, 1);

        await ConnectAsync(net, a, b.Node);
        byte[] request = new byte[300_000];
        new Random(5).NextBytes(request);
        byte[] answer = await Swarms.AskAsync(a, b.Node.LocalPeer, Echo, request);

        Assert.Equal(request, answer);
        ConnectionInfo connection = Assert.Single(a.GetPeerInfo(b.Node.LocalPeer)!.Connections);
        Assert.Equal((ConnectionPath.Relayed, null), (connection.Path, connection.Limit));
        Assert.True(net.Server.Status.BytesRelayed > 600_000);
        Assert.Equal(1, net.Server.Status.Circuits);

        await a.DisconnectAsync(b.Node.LocalPeer).LimitAsync("disconnecting");
        await Within.UntilAsync(() => net.Server.Status.Circuits == 0, "the circuit ends with the connection");
    }

    [Fact]
    public async Task A_strangers_connection_is_limited_and_breaks_at_the_limit()
    {
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { StrangerLimit = new LinkLimit(TimeSpan.FromHours(1), 60_000) });
        await using Held b = await HeldAsync(net, 2);
        Node a = await DialerAsync(net, 1);
        await ConnectAsync(net, a, b.Node);
        ConnectionInfo connection = Assert.Single(a.GetPeerInfo(b.Node.LocalPeer)!.Connections);
        Assert.Equal(new LinkLimit(TimeSpan.FromHours(1), 60_000), connection.Limit);
        Assert.Equal(connection.Limit, Assert.Single(b.Node.GetPeerInfo(a.LocalPeer)!.Connections).Limit);
        await a.PingAsync(b.Node.LocalPeer, None).LimitAsync("a ping"); // has opted in

        var broken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        a.PeerDisconnected += peer => _ = peer == b.Node.LocalPeer && broken.TrySetResult();
        await Assert.ThrowsAnyAsync<IOException>(() => Swarms.AskAsync(a, b.Node.LocalPeer, Echo, new byte[200_000]));

        await broken.Task.LimitAsync("the connection breaks");
        await RelayServerTests.EndedAsync(net, EndReason.LimitReached);
    }

    [Fact]
    public async Task A_node_that_leaves_is_forgotten_by_the_relay_and_gets_a_slot_when_it_returns()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        await using (await HeldAsync(net, 2))
        {
            Assert.Equal(1, net.Server.Status.Reservations);
        }

        await Within.UntilAsync(() => net.Server.LedgerEntryCount == 0, "nothing is held any more");
        await using Held again = await HeldAsync(net, 2);
        Assert.Equal(1, net.Server.Status.Reservations);
    }

    /// <summary>A node that is reached through the relay alone.</summary>
    private static async Task<Held> HeldAsync(RelayNet net, int number)
    {
        Node node = Swarms.Create(number, o => o with { LimitedProtocols = new Dictionary<string, long> { [Echo.Value] = 0 } });
        node.Handle(Echo, Swarms.EchoAsync);
        var client = new RelayClient(node.Network, new RelayClientOptions { SecondLook = TimeSpan.FromHours(1) });
        client.Start();
        client.SetNeeded(true);
        await Swarms.ConnectAsync(node, net.Relay);
        await Within.UntilAsync(() => client.Reservations.Count == 1, "it has a slot");
        return new Held(node, client);
    }

    private static async Task<Node> DialerAsync(RelayNet net, int number)
    {
        Node node = await net.JoinAsync(
            number, o => o with { LimitedProtocols = new Dictionary<string, long> { [Echo.Value] = 0 } });
        node.Network.UseCircuits(new CircuitTransport(node.Network, new RelayClientOptions()));
        return node;
    }

    private static async Task ConnectAsync(RelayNet net, Node from, Node to)
    {
        Multiaddr way = net.Relay.ListenAddresses[0].Encapsulate(Multiaddr.Parse($"/p2p-circuit/p2p/{to.LocalPeer}"));
        Assert.Equal(to.LocalPeer, await from.ConnectAsync(way, None).LimitAsync("connecting through the relay"));
        await Swarms.IdentifiedAsync(from, to);
        await Swarms.IdentifiedAsync(to, from);
    }

    private sealed record Held(Node Node, RelayClient Client) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync().LimitAsync("the client's end");
            await Node.DisposeAsync().LimitAsync("the node's end");
        }
    }
}
