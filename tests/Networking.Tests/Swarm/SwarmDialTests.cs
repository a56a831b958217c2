using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

/// <summary>Dials that fail, each with its typed reason, and where addresses come from.</summary>
public sealed class SwarmDialTests
{
    [Fact]
    public async Task Nobody_listening_is_a_lost_link()
    {
        await using Node node = Swarms.Create(1);
        Multiaddr dead = await DeadAddressAsync();

        PeerUnreachableException e = await FailAsync(node, dead);

        Assert.Equal(EndReason.LinkLost, e.Reason);
        Assert.Contains(dead.ToString(), e.Message, StringComparison.Ordinal);
        Assert.Equal(1, node.Counters.FailedDials[EndReason.LinkLost]);
        Assert.Equal(0, node.Gate.EntryCount + node.Gate.ConnectionCount);
    }

    [Fact]
    public async Task Another_peer_than_dialled_is_a_mismatch()
    {
        await using Node node = Swarms.Create(1);
        await using Node other = await Swarms.ListenAsync(2);

        PeerUnreachableException e = await FailAsync(node, other.ListenAddresses[0].WithPeerId(TestPeers.Id(3)));

        Assert.Equal((EndReason.PeerIdMismatch, TestPeers.Id(3)), (e.Reason, e.Peer));
        Assert.Empty(node.ConnectedPeers);
    }

    [Fact]
    public async Task Silence_is_a_timeout()
    {
        await using Node node = Swarms.Create(1, o => o with
        {
            Timeouts = o.Timeouts with { DialAddress = TimeSpan.FromMilliseconds(200) },
        });
        using Socket silent = Listen(out Multiaddr address);

        PeerUnreachableException e = await FailAsync(node, address);

        Assert.Equal(EndReason.Timeout, e.Reason);
    }

    [Fact]
    public async Task A_whole_dial_has_its_own_limit()
    {
        await using Node node = Swarms.Create(1, o => o with
        {
            Timeouts = o.Timeouts with { Dial = TimeSpan.FromMilliseconds(200) },
        });
        using Socket silent = Listen(out Multiaddr address);

        PeerUnreachableException e = await FailAsync(node, address);

        Assert.Equal(EndReason.Timeout, e.Reason);
    }

    [Fact]
    public async Task Something_else_than_libp2p_is_a_broken_rule()
    {
        await using Node node = Swarms.Create(1);
        using Socket web = Listen(out Multiaddr address);
        Task serving = ServeGarbageAsync(web);

        PeerUnreachableException e = await FailAsync(node, address);

        Assert.True(e.Reason >= EndReason.MalformedMessage, $"the reason is {e.Reason}");
        await serving.LimitAsync("the web server");
    }

    [Fact]
    public async Task Ourselves_are_not_dialled_by_id_or_by_address()
    {
        await using Node node = await Swarms.ListenAsync(1);

        Assert.Equal(EndReason.SelfDial, (await FailAsync(node, node.ListenAddresses[0])).Reason);
        Assert.Equal(EndReason.SelfDial, (await FailAsync(node, node.ListenAddresses[0].WithoutPeerId()!)).Reason);
        Assert.Empty(node.ConnectedPeers);
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 0, "both ends are given back");
    }

    [Fact]
    public async Task An_address_without_a_transport_says_so()
    {
        await using Node node = Swarms.Create(1);

        PeerUnreachableException e = await FailAsync(node, Multiaddr.Parse("/ip4/127.0.0.1/udp/4001/quic-v1"));

        Assert.Equal(EndReason.ProtocolNotSupported, e.Reason);
        await Assert.ThrowsAsync<NotSupportedException>(
            () => node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/udp/4001/quic-v1"), default).AsTask());
    }

    [Fact]
    public async Task A_name_is_resolved_only_for_a_dial_and_its_failure_is_told()
    {
        await using Node other = await Swarms.ListenAsync(2);
        Assert.True(other.ListenAddresses[0].TryToTcpEndPoint(out EndPoint? endPoint));
        int port = ((IPEndPoint)endPoint).Port;
        int asked = 0;
        await using Node node = Swarms.Create(1, o => o with
        {
            ResolveName = (host, _, _) =>
            {
                asked++;
                return host == "good.example"
                    ? Task.FromResult(new[] { IPAddress.Loopback })
                    : Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound));
            },
        });

        node.AddAddresses(other.LocalPeer, [Multiaddr.Parse($"/dns4/good.example/tcp/{port}")]);
        Assert.Equal(0, asked);
        await node.ConnectAsync(other.LocalPeer, default).LimitAsync("connecting by name");
        PeerUnreachableException e = await FailAsync(node, Multiaddr.Parse("/dns4/bad.example/tcp/1"));

        Assert.Contains("bad.example does not resolve", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_without_addresses_is_unreachable_and_a_router_may_know_more()
    {
        await using Node node = Swarms.Create(1);
        await using Node other = await Swarms.ListenAsync(2);
        other.Handle(new ProtocolId("/test/echo/1.0.0"), Swarms.EchoAsync);
        PeerUnreachableException e = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => node.ConnectAsync(other.LocalPeer, default).AsTask());
        Assert.EndsWith("no address is known", e.Message, StringComparison.Ordinal);

        var router = new Router([await DeadAddressAsync(), other.ListenAddresses[0]]);
        node.PeerRouter = router;

        Assert.Equal([5], await Swarms.AskAsync(node, other.LocalPeer, new ProtocolId("/test/echo/1.0.0"), [5]));
        Assert.Equal(1, router.Asked);
    }

    [Fact]
    public async Task A_failed_address_is_left_alone_for_a_while_unless_a_person_insists()
    {
        await using Node node = Swarms.Create(1);
        Multiaddr dead = await DeadAddressAsync();
        node.AddAddresses(TestPeers.Id(3), [dead]);
        await Assert.ThrowsAsync<PeerUnreachableException>(() => node.ConnectAsync(TestPeers.Id(3), default).AsTask());

        PeerUnreachableException second = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => node.ConnectAsync(TestPeers.Id(3), default).AsTask());
        Assert.Contains("left alone for", second.Message, StringComparison.Ordinal);
        Assert.Equal(1, node.Counters.FailedDials[EndReason.LinkLost]);

        await FailAsync(node, dead.WithPeerId(TestPeers.Id(3)));
        Assert.Equal(2, node.Counters.FailedDials[EndReason.LinkLost]);
    }

    [Fact]
    public async Task A_peer_that_connects_by_itself_ends_the_wait_for_our_dial()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using Node other = Swarms.Create(2);
        using Socket silent = Listen(out Multiaddr address);
        node.AddAddresses(other.LocalPeer, [address]);
        Task dialling = node.ConnectAsync(other.LocalPeer, default).AsTask();
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 1, "the dial is under way");

        await Swarms.ConnectAsync(other, node);

        await dialling.LimitAsync("the dial"); // far below the ten seconds that the silent address is given
        Assert.Equal(ConnectionDirection.Inbound, Assert.Single(node.Connections).Direction);
    }

    [Fact]
    public async Task Of_the_peers_behind_a_relay_each_is_left_alone_for_itself()
    {
        await using Node node = Swarms.Create(1);
        Multiaddr relayed = Multiaddr.Parse($"/ip4/127.0.0.1/tcp/1/p2p/{TestPeers.Id(2)}/p2p-circuit");
        string[] messages = new string[3];
        int[] peers = [3, 4, 3];
        for (int i = 0; i < peers.Length; i++)
        {
            node.AddAddresses(TestPeers.Id(peers[i]), [relayed]);
            messages[i] = (await Assert.ThrowsAsync<PeerUnreachableException>(
                () => node.ConnectAsync(TestPeers.Id(peers[i]), default).AsTask())).Message;
        }

        Assert.DoesNotContain("left alone for", messages[0], StringComparison.Ordinal);
        Assert.DoesNotContain("left alone for", messages[1], StringComparison.Ordinal);
        Assert.Contains("left alone for", messages[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_callers_at_once_share_one_connection()
    {
        await using Node node = Swarms.Create(1);
        await using Node other = await Swarms.ListenAsync(2);
        node.AddAddresses(other.LocalPeer, other.ListenAddresses);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => node.ConnectAsync(other.LocalPeer, default).AsTask()))
            .LimitAsync("twenty callers");

        Assert.Equal(1, node.Counters.ConnectionsDialled);
        Assert.Single(node.Connections);
    }

    [Fact]
    public async Task A_cancelled_caller_does_not_wait_for_the_dial()
    {
        await using Node node = Swarms.Create(1);
        using Socket silent = Listen(out Multiaddr address);
        using var cancel = new CancellationTokenSource();
        Task dialling = node.ConnectAsync(address, cancel.Token).AsTask();
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 1, "the dial is under way");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialling.LimitAsync("the caller"));
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 0, "the dial is called off");
        Assert.Empty(node.Counters.FailedDials);
    }

    [Fact]
    public async Task Disposal_ends_a_dial_under_way()
    {
        Node node = Swarms.Create(1);
        using Socket silent = Listen(out Multiaddr address);
        Task dialling = node.ConnectAsync(address, default).AsTask();
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 1, "the dial is under way");

        await node.DisposeAsync().LimitAsync("closing");

        await Assert.ThrowsAnyAsync<Exception>(() => dialling.LimitAsync("the caller"));
        Assert.Equal(0, node.Gate.ConnectionCount);
    }

    private static async Task<PeerUnreachableException> FailAsync(Node node, Multiaddr address) =>
        await Assert.ThrowsAsync<PeerUnreachableException>(() => node.ConnectAsync(address, default)
            .LimitAsync("dialling"));

    /// <summary>A port that was free a moment ago.</summary>
    private static Task<Multiaddr> DeadAddressAsync()
    {
        using Socket socket = Listen(out Multiaddr address);
        return Task.FromResult(address);
    }

    private static Socket Listen(out Multiaddr address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        address = Multiaddr.FromTcpEndPoint((IPEndPoint)socket.LocalEndPoint!);
        return socket;
    }

    private static async Task ServeGarbageAsync(Socket listener)
    {
        using Socket accepted = await listener.AcceptAsync().LimitAsync("the dial");
        await accepted.SendAsync(new byte[200].Select(_ => (byte)'x').ToArray(), SocketFlags.None);
        try
        {
            while (await accepted.ReceiveAsync(new byte[256], SocketFlags.None).LimitAsync("the hang-up") > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Cut off, as it should be.
        }
    }

    private sealed class Router(IReadOnlyList<Multiaddr> addresses) : IPeerRouter
    {
        public int Asked { get; private set; }

        public ValueTask<IReadOnlyList<Multiaddr>> FindPeerAsync(PeerId peer, CancellationToken cancellationToken)
        {
            Asked++;
            return ValueTask.FromResult(addresses);
        }
    }
}
