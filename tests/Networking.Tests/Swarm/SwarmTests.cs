using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

public sealed class SwarmTests
{
    private static readonly ProtocolId Echo = new("/test/echo/1.0.0");

    [Fact]
    public async Task Two_nodes_connect_identify_and_exchange_bytes()
    {
        await using Node a = await Swarms.ListenAsync(1);
        await using Node b = await Swarms.ListenAsync(2);
        b.Handle(Echo, Swarms.EchoAsync);

        PeerId reached = await a.ConnectAsync(b.ListenAddresses[0], Swarms.None).LimitAsync("connecting");
        byte[] answer = await Swarms.AskAsync(a, b.LocalPeer, Echo, "hello"u8.ToArray());

        Assert.Equal(b.LocalPeer, reached);
        Assert.Equal("hello"u8.ToArray(), answer);
        await Swarms.IdentifiedAsync(a, b);
        await Swarms.IdentifiedAsync(b, a);
        PeerInfo seen = a.GetPeerInfo(b.LocalPeer)!;
        Assert.Equal("test/2", seen.AgentVersion);
        Assert.Contains(Echo.Value, seen.Protocols!);
        Assert.Equal(b.ListenAddresses[0].WithoutPeerId(), Assert.Single(seen.Addresses));
        Assert.Equal(a.Connections[0].LocalAddress, seen.ObservedAddress);
        Assert.Equal(ConnectionDirection.Outbound, Assert.Single(seen.Connections).Direction);
        Assert.Equal(ConnectionDirection.Inbound, Assert.Single(b.GetPeerInfo(a.LocalPeer)!.Connections).Direction);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Early_and_late_muxer_negotiation_work_together(bool dialerEarly, bool listenerEarly)
    {
        await using Node a = Swarms.Create(1, o => o with { EarlyMuxerNegotiation = dialerEarly });
        await using Node b = await Swarms.ListenAsync(2, o => o with { EarlyMuxerNegotiation = listenerEarly });
        b.Handle(Echo, Swarms.EchoAsync);

        await a.ConnectAsync(b.ListenAddresses[0], Swarms.None).LimitAsync("connecting");

        Assert.Equal([7], await Swarms.AskAsync(a, b.LocalPeer, Echo, [7]));
    }

    [Fact]
    public async Task A_peer_is_dialled_by_its_id_once_an_address_is_known()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        b.Handle(Echo, Swarms.EchoAsync);

        Assert.True(a.TryAddPeerRecord(b.LocalPeerRecord.ToProtobuf()));

        Assert.Equal([1, 2, 3], await Swarms.AskAsync(a, b.LocalPeer, Echo, [1, 2, 3]));
    }

    [Fact]
    public async Task Connected_and_disconnected_are_told_once_each_and_in_order()
    {
        await using Node a = Swarms.Create(1);
        Node b = await Swarms.ListenAsync(2);
        var events = new List<string>();
        var gone = new TaskCompletionSource();
        a.PeerConnected += p => events.Add($"+{p}");
        a.PeerDisconnected += p =>
        {
            events.Add($"-{p}");
            gone.SetResult();
        };

        await a.ConnectAsync(b.ListenAddresses[0], Swarms.None).LimitAsync("connecting");
        await a.ConnectAsync(b.ListenAddresses[0], Swarms.None).LimitAsync("connecting again");
        await b.DisposeAsync().LimitAsync("closing");
        await gone.Task.LimitAsync("the disconnection");

        Assert.Equal([$"+{b.LocalPeer}", $"-{b.LocalPeer}"], events);
        Assert.Empty(a.ConnectedPeers);
    }

    [Fact]
    public async Task A_handler_that_throws_does_not_end_the_events()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        var told = new TaskCompletionSource();
        a.PeerConnected += _ => throw new InvalidOperationException("a handler's bug");
        a.PeerDisconnected += _ => told.SetResult();

        await a.ConnectAsync(b.ListenAddresses[0], Swarms.None).LimitAsync("connecting");
        await a.DisconnectAsync(b.LocalPeer).LimitAsync("disconnecting");

        await told.Task.LimitAsync("the next event");
    }

    [Fact]
    public async Task A_protocol_that_the_peer_does_not_speak_is_a_typed_failure()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        await Swarms.ConnectAsync(a, b);
        await Swarms.IdentifiedAsync(a, b);

        ProtocolNotSupportedException e = await Assert.ThrowsAsync<ProtocolNotSupportedException>(
            () => a.OpenStreamAsync(b.LocalPeer, Echo, Swarms.None).LimitAsync("opening a stream"));

        Assert.Equal((b.LocalPeer, Echo), (e.Peer, e.Protocol));
    }

    [Fact]
    public async Task A_protocol_that_came_later_is_pushed_to_the_peers()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        await Swarms.ConnectAsync(a, b);
        await Swarms.IdentifiedAsync(a, b);
        Assert.DoesNotContain(Echo.Value, a.GetPeerInfo(b.LocalPeer)!.Protocols!);

        using IDisposable handling = b.Handle(Echo, Swarms.EchoAsync);
        await Within.UntilAsync(() => a.GetPeerInfo(b.LocalPeer)!.Protocols!.Contains(Echo.Value), "the push came");
        handling.Dispose();

        await Within.UntilAsync(
            () => !a.GetPeerInfo(b.LocalPeer)!.Protocols!.Contains(Echo.Value), "the second push came");
    }

    [Fact]
    public async Task A_protocol_has_one_handler_at_a_time()
    {
        await using Node a = Swarms.Create(1);
        IDisposable first = a.Handle(Echo, Swarms.EchoAsync);

        Assert.Throws<InvalidOperationException>(() => a.Handle(Echo, Swarms.EchoAsync));
        first.Dispose();
        first.Dispose();

        using IDisposable second = a.Handle(Echo, Swarms.EchoAsync);
        first.Dispose();
        Assert.Throws<InvalidOperationException>(() => a.Handle(Echo, Swarms.EchoAsync));
    }

    [Fact]
    public async Task A_handlers_exception_resets_its_stream_and_no_other()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        b.Handle(Echo, Swarms.EchoAsync);
        b.Handle(new ProtocolId("/test/bug/1.0.0"), (_, _) => throw new InvalidOperationException("a handler's bug"));
        await Swarms.ConnectAsync(a, b);

        await using PeerStream stream = await a.OpenStreamAsync(
            b.LocalPeer, new ProtocolId("/test/bug/1.0.0"), Swarms.None);
        await Assert.ThrowsAnyAsync<IOException>(() => stream.ReadAsync(new byte[1], Swarms.None)
            .LimitAsync("the reset"));

        Assert.Equal([1], await Swarms.AskAsync(a, b.LocalPeer, Echo, [1]));
        Assert.Single(a.Connections);
    }

    [Fact]
    public async Task What_was_written_before_a_half_close_and_disposal_arrives()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        var got = new TaskCompletionSource<byte[]>();
        b.Handle(Echo, async (stream, ct) =>
        {
            using var all = new MemoryStream();
            await stream.CopyToAsync(all, ct);
            got.SetResult(all.ToArray());
            await stream.CloseWriteAsync(ct);
        });
        await Swarms.ConnectAsync(a, b);
        await Swarms.IdentifiedAsync(a, b); // so that the stream is optimistic
        byte[] sent = new byte[200_000];
        new Random(1).NextBytes(sent);

        await using (PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, Echo, Swarms.None))
        {
            await stream.WriteAsync(sent, Swarms.None).LimitAsync("writing");
            await stream.CloseWriteAsync(Swarms.None).LimitAsync("half-closing");
        }

        Assert.Equal(sent, await got.Task.LimitAsync("the bytes"));
        await Within.UntilAsync(() => a.Connections[0].OpenStreamCount == 0, "the stream is given back");
    }

    [Fact]
    public async Task A_stream_that_nobody_writes_to_reaches_its_handler_all_the_same()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(
            2, o => o with { Timeouts = o.Timeouts with { StreamNegotiation = TimeSpan.FromSeconds(1) } });
        var served = new TaskCompletionSource();
        b.Handle(Echo, async (stream, ct) =>
        {
            served.TrySetResult();
            await Swarms.EchoAsync(stream, ct);
        });
        await Swarms.ConnectAsync(a, b);
        await Swarms.IdentifiedAsync(a, b); // so that the stream is optimistic

        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, Echo, Swarms.None);

        await served.Task.LimitAsync("the handler, without a byte written");
    }

    [Fact]
    public async Task A_port_in_use_is_a_typed_failure_in_one_line()
    {
        await using Node a = await Swarms.ListenAsync(1);
        await using Node b = Swarms.Create(2);
        Multiaddr taken = a.ListenAddresses[0].WithoutPeerId()!;

        AddressInUseException e = await Assert.ThrowsAsync<AddressInUseException>(
            () => b.ListenAsync(taken, Swarms.None).AsTask());

        Assert.Equal($"cannot listen on {taken}: the address is in use", e.Message);
    }

    [Fact]
    public async Task A_wildcard_is_told_as_the_addresses_of_the_interfaces()
    {
        await using Node a = Swarms.Create(1);

        Multiaddr bound = await a.ListenAsync(Multiaddr.Parse("/ip4/0.0.0.0/tcp/0"), Swarms.None);

        Assert.Equal(a.LocalPeer, bound.PeerId);
        string[] told = [.. a.ListenAddresses.Select(address => address.ToString())];
        Assert.All(told, address => Assert.DoesNotContain("0.0.0.0", address, StringComparison.Ordinal));
        bool onlyLoopback = Array.TrueForAll(told, address => address.StartsWith("/ip4/127.", StringComparison.Ordinal));
        Assert.True(onlyLoopback || !told.Any(t => t.StartsWith("/ip4/127.", StringComparison.Ordinal)), "loopback leads others to themselves");
        Assert.NotEmpty(told);
        Assert.All(a.ListenAddresses, address => Assert.Equal(a.LocalPeer, address.PeerId));
    }

    [Fact]
    public async Task Nodes_that_dial_each_other_at_the_same_moment_agree_on_a_connection()
    {
        await using Node a = await Swarms.ListenAsync(1);
        await using Node b = await Swarms.ListenAsync(2);
        a.Handle(Echo, Swarms.EchoAsync);
        b.Handle(Echo, Swarms.EchoAsync);

        await Task.WhenAll(
            a.ConnectAsync(b.ListenAddresses[0], Swarms.None).AsTask(),
            b.ConnectAsync(a.ListenAddresses[0], Swarms.None).AsTask()).LimitAsync("connecting both ways");

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal([1], await Swarms.AskAsync(a, b.LocalPeer, Echo, [1]));
            Assert.Equal([2], await Swarms.AskAsync(b, a.LocalPeer, Echo, [2]));
        }

        Assert.Equal([b.LocalPeer], a.ConnectedPeers);
        Assert.Equal([a.LocalPeer], b.ConnectedPeers);
    }

    [Fact]
    public async Task Ping_measures_a_round_trip()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        await Swarms.ConnectAsync(a, b);

        TimeSpan roundTrip = await a.PingAsync(b.LocalPeer, Swarms.None).LimitAsync("the ping");

        Assert.True(roundTrip > TimeSpan.Zero);
        Assert.NotNull(a.GetPeerInfo(b.LocalPeer)!.RoundTripTime);
    }

    [Fact]
    public async Task Disposal_under_load_ends_everything_and_may_be_repeated()
    {
        Node a = await Swarms.ListenAsync(1);
        Node b = await Swarms.ListenAsync(2);
        var busy = new TaskCompletionSource();
        int running = 0;
        b.Handle(Echo, async (stream, ct) =>
        {
            if (Interlocked.Increment(ref running) == 50)
            {
                busy.SetResult();
            }

            await Swarms.EchoAsync(stream, ct);
        });
        await Swarms.ConnectAsync(a, b);
        Task[] asking = [.. Enumerable.Range(0, 50).Select(_ => FloodAsync(a, b.LocalPeer))];
        await busy.Task.LimitAsync("50 streams");

        await Task.WhenAll(b.DisposeAsync().AsTask(), a.DisposeAsync().AsTask()).LimitAsync("closing both");
        await Task.WhenAll(a.DisposeAsync().AsTask(), b.DisposeAsync().AsTask()).LimitAsync("closing both again");

        await Task.WhenAll(asking).LimitAsync("the callers ended");
        await Assert.ThrowsAsync<ObjectDisposedException>(() => a.ListenAsync(Swarms.Loopback, Swarms.None).AsTask());
        await Assert.ThrowsAnyAsync<Exception>(() => a.ConnectAsync(b.LocalPeer, Swarms.None).AsTask());
    }

    private static async Task FloodAsync(Node from, PeerId to)
    {
        byte[] chunk = new byte[10_000];
        try
        {
            await using PeerStream stream = await from.OpenStreamAsync(to, Echo, Swarms.None);
            while (true)
            {
                await stream.WriteAsync(chunk, Swarms.None);
                await stream.ReadExactlyAsync(chunk, Swarms.None);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The end that the test is about.
        }
    }
}
