using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

/// <summary>What strangers may make a listening node hold, over real sockets.</summary>
public sealed class SwarmLimitTests
{
    private static readonly ProtocolId Echo = new("/test/echo/1.0.0");

    [Theory]
    [InlineData(ResourceLimit.ConnectionsPerIp)]
    [InlineData(ResourceLimit.HalfOpenUpgrades)]
    [InlineData(ResourceLimit.Connections)]
    [InlineData(ResourceLimit.InboundConnections)]
    public async Task A_connection_beyond_a_limit_is_closed_before_a_byte_is_spent_on_it(ResourceLimit limit)
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Limits = limit switch
            {
                ResourceLimit.ConnectionsPerIp => new() { MaxConnectionsPerIp = 2 },
                ResourceLimit.HalfOpenUpgrades => new() { MaxHalfOpenUpgrades = 2 },
                ResourceLimit.Connections => new() { MaxConnections = 2 },
                _ => new() { MaxInboundConnections = 2 },
            },
        });
        using Socket first = await ConnectAsync(node);
        using Socket second = await ConnectAsync(node);
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 2, "two connections are counted");
        long sent = node.Counters.BytesOut;

        using Socket third = await ConnectAsync(node);

        Assert.Equal(0, await ReadToEndAsync(third)); // closed, and nothing was said
        Assert.Equal(1, node.Counters.Refused[limit]);
        Assert.Equal(sent, node.Counters.BytesOut);
        Assert.Equal(2, node.Gate.ConnectionCount);

        first.Dispose();
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 1, "the first is given back");
        using Socket fourth = await ConnectAsync(node);
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 2, "the fourth is counted");
    }

    [Fact]
    public async Task An_ip_that_connects_too_often_is_refused()
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Time = new FakeTimeProvider(),
            Limits = new() { InboundBurstPerIp = 2, InboundPerSecondPerIp = 1 },
        });
        for (int i = 1; i <= 2; i++)
        {
            using Socket socket = await ConnectAsync(node);
            await Within.UntilAsync(() => node.Gate.ConnectionCount == 1, "it is counted");
            socket.Dispose();
            await Within.UntilAsync(() => node.Gate.ConnectionCount == 0, "it is given back");
        }

        using Socket third = await ConnectAsync(node);

        Assert.Equal(0, await ReadToEndAsync(third));
        Assert.Equal(1, node.Counters.Refused[ResourceLimit.InboundRatePerIp]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_handshake_that_is_silent_or_drips_is_cut_by_a_total_deadline(bool drips)
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Timeouts = o.Timeouts with { InboundUpgrade = TimeSpan.FromMilliseconds(300) },
        });
        using Socket socket = await ConnectAsync(node);
        Task<int> reading = ReadToEndAsync(socket);

        // A proposal of a thousand bytes (e8 07 says its length), one byte at a time: an idle limit would never fire.
        await DripAsync(socket, [19, .. "/multistream/1.0.0\n"u8, 0xe8, 0x07]);
        while (drips && !reading.IsCompleted)
        {
            await DripAsync(socket, "a"u8.ToArray());
        }

        await reading.LimitAsync("the node hangs up");
        await Within.UntilAsync(
            () => node.Counters.ConnectionEnds.GetValueOrDefault(EndReason.Timeout) == 1, "it counts as a time-out");
        await Within.UntilAsync(() => node.Gate.ConnectionCount == 0, "it is given back");
    }

    [Fact]
    public async Task Bytes_that_are_no_handshake_end_the_connection()
    {
        await using Node node = await Swarms.ListenAsync(1);
        using Socket socket = await ConnectAsync(node);

        await socket.SendAsync(new byte[200].Select(_ => (byte)'x').ToArray(), SocketFlags.None);

        await ReadToEndAsync(socket).LimitAsync("the node hangs up");
        await Within.UntilAsync(
            () => node.Counters.ConnectionEnds.Keys.Any(r => r >= EndReason.MalformedMessage),
            "it counts as a broken rule");
    }

    [Fact]
    public async Task Connections_of_one_peer_are_limited()
    {
        await using Node node = await Swarms.ListenAsync(
            1, o => o with { Limits = new() { MaxConnectionsPerPeer = 1 } });
        await using RawPeer first = await RawPeer.DialAsync(node, 2);
        await Within.UntilAsync(() => node.Connections.Count > 0, "the first counts before the second comes");
        await using RawPeer second = await RawPeer.DialAsync(node, 2);

        await second.Session.Completion.LimitAsync("the second is closed");

        Assert.False(first.Session.Completion.IsCompleted);
        Assert.Equal(1, node.Counters.Refused[ResourceLimit.ConnectionsPerPeer]);
    }

    [Theory]
    [InlineData(ResourceLimit.StreamsPerConnection)]
    [InlineData(ResourceLimit.StreamsPerPeer)]
    [InlineData(ResourceLimit.Streams)]
    [InlineData(ResourceLimit.StreamsPerProtocol)]
    public async Task A_stream_beyond_a_limit_is_reset(ResourceLimit limit)
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Limits = limit switch
            {
                ResourceLimit.StreamsPerConnection => new() { MaxStreamsPerConnection = 3 },
                ResourceLimit.StreamsPerPeer => new() { MaxStreamsPerPeer = 3 },
                ResourceLimit.Streams => new() { MaxStreams = 3 },
                _ => new() { MaxStreamsPerProtocol = 3 },
            },
        });
        node.Handle(Echo, Swarms.EchoAsync);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        await FailIdentifyAsync(peer, node);
        MuxedStream[] open = [await peer.OpenAsync(Echo), await peer.OpenAsync(Echo), await peer.OpenAsync(Echo)];

        await Assert.ThrowsAnyAsync<IOException>(() => UseOneMoreAsync(peer));

        Assert.Equal(1, node.Counters.Refused[limit]);
        open[0].Reset(EndReason.ClosedLocally);
        await Within.UntilAsync(() => node.Gate.StreamCount == 2, "the reset one is given back");
        await UseOneMoreAsync(peer);
    }

    [Fact]
    public async Task A_stream_that_proposes_nothing_is_reset_after_the_negotiation_limit()
    {
        await using Node node = await Swarms.ListenAsync(1, o => o with
        {
            Timeouts = o.Timeouts with { StreamNegotiation = TimeSpan.FromMilliseconds(100) },
        });
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        MuxedStream stream = await peer.Session.OpenStreamAsync(default);
        await stream.WriteAsync(new byte[] { 19 }, default); // a header that never ends

        await Assert.ThrowsAnyAsync<IOException>(() => ReadToEndAsync(stream).LimitAsync("the reset"));

        Assert.False(peer.Session.Completion.IsCompleted);
    }

    [Fact]
    public async Task Our_own_streams_are_counted_too()
    {
        await using Node a = Swarms.Create(1, o => o with { Limits = new() { MaxStreamsPerConnection = 2 } });
        await using Node b = await Swarms.ListenAsync(2);
        b.Handle(Echo, Swarms.EchoAsync);
        await Swarms.ConnectAsync(a, b);
        await Swarms.IdentifiedAsync(a, b);
        await Swarms.IdentifiedAsync(b, a);
        await Within.UntilAsync(() => a.Gate.StreamCount == 0, "identify is over");
        await using PeerStream first = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        await using PeerStream second = await a.OpenStreamAsync(b.LocalPeer, Echo, default);

        StreamEndedException e = await Assert.ThrowsAsync<StreamEndedException>(
            () => a.OpenStreamAsync(b.LocalPeer, Echo, default).AsTask());

        Assert.Equal(EndReason.LimitReached, e.Reason);
    }

    [Fact]
    public async Task A_storm_of_reconnects_leaves_nothing_behind()
    {
        await using Node a = Swarms.Create(1);
        await using Node b = await Swarms.ListenAsync(2);
        b.Handle(Echo, Swarms.EchoAsync);

        for (int i = 0; i < 40; i++)
        {
            await a.ConnectAsync(b.ListenAddresses[0], default).LimitAsync("connecting");
            _ = await a.OpenStreamAsync(b.LocalPeer, Echo, default).LimitAsync("a stream that nobody disposes");
            await a.DisconnectAsync(b.LocalPeer).LimitAsync("disconnecting");
        }

        await Within.UntilAsync(() => b.Connections.Count == 0, "the other side knows");
        await Within.UntilAsync(() => a.Gate.EntryCount == 0 && b.Gate.EntryCount == 0, "every count is given back");
        Assert.Equal((0, 0), (a.Gate.ConnectionCount, a.Gate.StreamCount));
        await Within.UntilAsync(() => b.Gate.ConnectionCount == 0 && b.Gate.StreamCount == 0, "on both sides");
    }

    [Fact]
    public async Task A_peer_that_breaks_rules_loses_its_connections_and_is_refused_for_a_while()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        await Within.UntilAsync(() => node.ConnectedPeers.Count == 1, "connected");

        node.Penalize(peer.Id, EndReason.Timeout); // nobody's fault
        Assert.Equal(0, node.GetPeerInfo(peer.Id)!.Score);
        node.Penalize(peer.Id, EndReason.AuthenticationFailed);
        Assert.InRange(node.GetPeerInfo(peer.Id)!.Score, -50, -49);
        node.Penalize(peer.Id, EndReason.AuthenticationFailed);
        node.Penalize(peer.Id, EndReason.AuthenticationFailed);

        await peer.Session.Completion.LimitAsync("its connection is closed");
        await using RawPeer again = await RawPeer.DialAsync(node, 2);
        await again.Session.Completion.LimitAsync("it is refused");
        PeerUnreachableException e = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => node.ConnectAsync(Multiaddr.Parse($"/ip4/127.0.0.1/tcp/1/p2p/{peer.Id}"), default).AsTask());
        Assert.Equal(EndReason.NotAdmitted, e.Reason);
    }

    [Fact]
    public async Task Malformed_proposals_cost_score()
    {
        await using Node node = await Swarms.ListenAsync(1);
        await using RawPeer peer = await RawPeer.DialAsync(node, 2);
        await Within.UntilAsync(() => node.ConnectedPeers.Count == 1, "connected");
        MuxedStream stream = await peer.Session.OpenStreamAsync(default);

        await stream.WriteAsync(new byte[200].Select(_ => (byte)'x').ToArray(), default);

        await Assert.ThrowsAnyAsync<IOException>(() => ReadToEndAsync(stream).LimitAsync("the reset"));
        await Within.UntilAsync(() => node.GetPeerInfo(peer.Id)!.Score < 0, "the score falls");
    }

    private static async Task UseOneMoreAsync(RawPeer peer)
    {
        MuxedStream stream = await peer.OpenAsync(Echo);
        await stream.WriteAsync(new byte[] { 1 }, default);
        if (await stream.ReadAsync(new byte[1], default).LimitAsync("an echo or a reset") == 0)
        {
            throw new IOException("closed");
        }
    }

    /// <summary>Takes the node's identify stream off the table, so that it does not count.</summary>
    private static async Task FailIdentifyAsync(RawPeer peer, Node node)
    {
        (_, MuxedStream identify) = await peer.AcceptAsync();
        identify.Reset(EndReason.ClosedLocally);
        await Within.UntilAsync(() => node.Gate.StreamCount == 0, "identify is over");
    }

    private static async Task<Socket> ConnectAsync(Node node)
    {
        Assert.True(node.ListenAddresses[0].TryToTcpEndPoint(out EndPoint? endPoint));
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint).LimitAsync("a TCP connection");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Refused so fast that connecting has not even returned.
        }

        return socket;
    }

    private static async Task DripAsync(Socket socket, byte[] drop)
    {
        try
        {
            await socket.SendAsync(drop, SocketFlags.None);
            await Task.Delay(TimeSpan.FromMilliseconds(10)); // the drip is what is tested, not a wait for something
        }
        catch (SocketException)
        {
            // Cut: the reader sees it too.
        }
    }

    private static async Task<int> ReadToEndAsync(Socket socket)
    {
        byte[] buffer = new byte[256];
        int total = 0;
        try
        {
            int read;
            while ((read = await socket.ReceiveAsync(buffer, SocketFlags.None).LimitAsync("the node hangs up")) > 0)
            {
                total += read;
            }
        }
        catch (SocketException)
        {
            // A reset is an end too.
        }

        return total;
    }

    private static async Task ReadToEndAsync(MuxedStream stream)
    {
        while (await stream.ReadAsync(new byte[256], default) > 0)
        {
        }
    }
}
