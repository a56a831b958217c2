using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>What strangers cannot make a relay do.</summary>
public sealed class RelayServerLimitTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Bytes_beyond_the_limit_reset_both_ends(bool fromTarget)
    {
        var broken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using RelayNet net = await RelayNet.StartAsync(o => o with { StrangerLimit = new LinkLimit(null, 100_000) });
        Node b = await net.TargetAsync(2, async (stream, token) =>
        {
            await stream.ReadExactlyAsync(new byte[1], token); // the answer has arrived: a reset may overtake it
            await (fromTarget ? OverrunAsync(stream, broken) : DrainAsync(stream, broken));
        });
        Node a = await net.JoinAsync(1);
        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);
        var here = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await circuit.WriteAsync(new byte[1], None).LimitAsync("a start");

        await (fromTarget ? DrainAsync(circuit, here) : OverrunAsync(circuit, here)).LimitAsync("the reset here");

        await broken.Task.LimitAsync("the reset there");
        await RelayServerTests.EndedAsync(net, EndReason.LimitReached);
        Assert.InRange(net.Server.Status.BytesRelayed, 1, 100_000);
    }

    [Fact]
    public async Task As_many_bytes_as_the_limit_pass_both_ways()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.TargetAsync(2);
        await using PeerStream circuit = await net.ConnectAsync(await net.JoinAsync(1), b.LocalPeer);

        await RelayServerTests.RoundTripAsync(circuit, 128 * 1024);

        await circuit.CloseWriteAsync(None).LimitAsync("half-closing");
        Assert.Equal(0, await circuit.ReadAsync(new byte[1], None).LimitAsync("the end"));
        await RelayServerTests.EndedAsync(net, EndReason.Completed);
    }

    [Fact]
    public async Task A_circuit_ends_with_its_time_though_it_is_in_use()
    {
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { StrangerLimit = new LinkLimit(TimeSpan.FromMilliseconds(200), null) });
        Node b = await net.TargetAsync(2);
        await using PeerStream circuit = await net.ConnectAsync(await net.JoinAsync(1), b.LocalPeer);

        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (true)
            {
                await RelayServerTests.RoundTripAsync(circuit, 10);
            }
        });

        await RelayServerTests.EndedAsync(net, EndReason.LimitReached);
    }

    [Fact]
    public async Task A_circuit_that_carries_nothing_ends()
    {
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { CircuitIdleTimeout = TimeSpan.FromMilliseconds(100), IsMember = static _ => true });
        Node b = await net.TargetAsync(2);
        await using PeerStream circuit = await net.ConnectAsync(await net.JoinAsync(1), b.LocalPeer);

        await Assert.ThrowsAnyAsync<IOException>(() => circuit.ReadAsync(new byte[1], None).LimitAsync("the end"));

        await RelayServerTests.EndedAsync(net, EndReason.Timeout);
    }

    [Fact]
    public async Task Who_holds_no_slot_is_not_connected_to_nor_dialled()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = await net.JoinAsync(1);
        Node b = await net.JoinAsync(2); // connected, but without a slot
        await using Node c = await Swarms.ListenAsync(3); // known, but not connected
        net.Relay.AddAddresses(c.LocalPeer, c.ListenAddresses);

        await RefusedAsync(net, a, HopMessage.Connect(b.LocalPeer), RelayStatusCode.NoReservation);
        await RefusedAsync(net, a, HopMessage.Connect(c.LocalPeer), RelayStatusCode.NoReservation);
        Assert.DoesNotContain(c.LocalPeer, net.Relay.ConnectedPeers);
    }

    [Fact]
    public async Task A_circuit_to_oneself_or_to_the_relay_is_refused()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = await net.TargetAsync(1);

        await RefusedAsync(net, a, HopMessage.Connect(a.LocalPeer), RelayStatusCode.PermissionDenied);
        await RefusedAsync(net, a, HopMessage.Connect(net.Relay.LocalPeer), RelayStatusCode.PermissionDenied);
        Assert.Equal(2, net.Server.Status.Refused[nameof(RelayStatusCode.PermissionDenied)]);
        Assert.Equal(0, net.Relay.GetPeerInfo(a.LocalPeer)!.Score);
    }

    [Fact]
    public async Task Over_a_relayed_connection_nothing_is_granted()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.TargetAsync(2);
        await using Node a = await Swarms.ListenAsync(1);
        ITransportLink link = await net.Relay.Network.DialLinkAsync(
            a.ListenAddresses[0], DialOrigin.Ephemeral, None).LimitAsync("a link");
        await net.Relay.Network.AdoptAsync(link, LinkTerms.Outbound(ConnectionPath.Relayed, a.LocalPeer), None)
            .LimitAsync("a connection that the relay takes for relayed");
        await Within.UntilAsync(() => a.ConnectedPeers.Contains(net.Relay.LocalPeer), "the other side is connected");

        await RefusedAsync(net, a, HopMessage.Reserve, RelayStatusCode.PermissionDenied);
        await RefusedAsync(net, a, HopMessage.Connect(b.LocalPeer), RelayStatusCode.PermissionDenied);
        Assert.Equal(1, net.Server.Status.Reservations);
    }

    [Fact]
    public async Task A_full_relay_refuses()
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with { MaxReservations = 1, MaxCircuitsPerPeer = 1 });
        Node b = await net.TargetAsync(2);
        Node a = await net.JoinAsync(1);
        await RefusedAsync(net, a, HopMessage.Reserve, RelayStatusCode.ReservationRefused);
        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);
        await RefusedAsync(net, a, HopMessage.Connect(b.LocalPeer), RelayStatusCode.ResourceLimitExceeded);
        Assert.Equal(0, net.Relay.GetPeerInfo(a.LocalPeer)!.Score); // no flood, only no room
    }

    [Fact]
    public async Task A_reservation_flood_is_refused_counted_and_held_against_a_stranger()
    {
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { ReservationsPerPeer = new RelayRate(2, TimeSpan.FromHours(1)) });
        Node a = await net.JoinAsync(1);
        await net.ReserveAsync(a);
        await net.ReserveAsync(a);

        await RefusedAsync(net, a, HopMessage.Reserve, RelayStatusCode.ResourceLimitExceeded);

        Assert.Equal(1, net.Server.Status.Refused[nameof(RelayStatusCode.ResourceLimitExceeded)]);
        Assert.InRange(net.Relay.GetPeerInfo(a.LocalPeer)!.Score, -5, -4);
        Assert.Equal(1, net.Server.Status.Reservations);
    }

    [Theory]
    [InlineData(false, -5)]
    [InlineData(true, 0)] // a member is refused, not banned
    public async Task A_circuit_flood_is_refused(bool member, int score)
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with
        {
            CircuitsPerPeer = new RelayRate(2, TimeSpan.FromHours(1)),
            CircuitsPerMember = new RelayRate(2, TimeSpan.FromHours(1)),
            IsMember = _ => member,
        });
        Node a = await net.JoinAsync(1);
        await RefusedAsync(net, a, HopMessage.Connect(TestPeers.Id(9)), RelayStatusCode.NoReservation);
        await RefusedAsync(net, a, HopMessage.Connect(TestPeers.Id(9)), RelayStatusCode.NoReservation);

        await RefusedAsync(net, a, HopMessage.Connect(TestPeers.Id(9)), RelayStatusCode.ResourceLimitExceeded);

        Assert.InRange(net.Relay.GetPeerInfo(a.LocalPeer)!.Score, score, score + 1);
    }

    [Fact]
    public async Task A_slow_drip_does_not_extend_the_time_of_a_request()
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with { RequestTimeout = TimeSpan.FromMilliseconds(150) });
        Node a = await net.JoinAsync(1);
        await using PeerStream stream = await net.OpenAsync(a);

        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            await stream.WriteAsync(new byte[] { 0xff, 0x1f }, None); // 4095 bytes will follow, it says
            while (true)
            {
                await stream.WriteAsync(new byte[1], None);
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, None);
            }
        });

        await Within.UntilAsync(() => net.Server.Status.Refused.GetValueOrDefault("Timeout") == 1, "it is counted");
        Assert.Equal(0, net.Server.LedgerEntryCount);
    }

    [Fact]
    public async Task Requests_that_wait_are_few_for_each_stranger()
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with { MaxRequestsPerPeer = 2 });
        Node a = await net.JoinAsync(1);
        List<PeerStream> waiting = [await BeginAsync(), await BeginAsync()];
        await Within.UntilAsync(() => net.Server.LedgerEntryCount == 1, "they are counted");

        PeerStream third = await BeginAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => third.ReadAsync(new byte[1], None).LimitAsync("the reset"));
        Assert.Equal(1, net.Server.Status.Refused["TooManyRequests"]);

        waiting.ForEach(s => s.Reset(EndReason.ClosedLocally));
        await Within.UntilAsync(() => net.Server.LedgerEntryCount == 0, "they are given back");
        Assert.Equal(RelayStatusCode.Ok, (await net.ReserveAsync(a)).Status);

        async Task<PeerStream> BeginAsync()
        {
            PeerStream stream = await net.OpenAsync(a);
            await stream.WriteAsync(new byte[] { 5 }, None).LimitAsync("a beginning");
            return stream;
        }
    }

    [Theory]
    [InlineData("0803", RelayStatusCode.MalformedMessage, -20)] // an unknown type
    [InlineData("", RelayStatusCode.MalformedMessage, -20)]
    [InlineData("080112030a0102", RelayStatusCode.MalformedMessage, -20)] // no peer id
    [InlineData("0801", RelayStatusCode.MalformedMessage, -20)] // to nobody
    [InlineData("08022864", RelayStatusCode.UnexpectedMessage, -10)] // an answer to nothing
    public async Task Broken_requests_are_answered_and_lower_the_score(string hex, object status, int score)
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = await net.JoinAsync(1);

        HopMessage answer = await net.AskAsync(a, Convert.FromHexString(hex));

        Assert.Equal(status, answer.Status);
        Assert.InRange(net.Relay.GetPeerInfo(a.LocalPeer)!.Score, score, score + 1);
    }

    [Fact]
    public async Task A_request_beyond_the_limit_is_refused_by_its_length_alone()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = await net.JoinAsync(1);
        await using PeerStream stream = await net.OpenAsync(a);

        await stream.WriteAsync(new byte[] { 0x81, 0x20 }, None).LimitAsync("a length of 4097");

        byte[] expected = [4, .. RelayCodec.Encode(HopMessage.Answer(RelayStatusCode.MalformedMessage))];
        expected[0] = (byte)(expected.Length - 1);
        byte[] answer = new byte[expected.Length];
        await stream.ReadExactlyAsync(answer, None).LimitAsync("the answer");
        Assert.Equal(expected, answer);
        Assert.InRange(net.Relay.GetPeerInfo(a.LocalPeer)!.Score, -20, -19);
    }

    [Fact]
    public async Task A_target_that_does_not_answer_fails_the_circuit_in_time()
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with { ConnectTimeout = TimeSpan.FromMilliseconds(100) });
        Node b = await net.JoinAsync(2);
        b.Handle(RelayProtocols.Stop, (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token));
        await net.ReserveAsync(b);

        await RefusedAsync(net, await net.JoinAsync(1), HopMessage.Connect(b.LocalPeer), RelayStatusCode.ConnectionFailed);

        Assert.Equal(0, net.Server.Status.Circuits);
    }

    [Fact]
    public async Task A_target_that_speaks_no_stop_fails_the_circuit()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.JoinAsync(2);
        await net.ReserveAsync(b);
        await RefusedAsync(net, await net.JoinAsync(1), HopMessage.Connect(b.LocalPeer), RelayStatusCode.ConnectionFailed);
    }

    [Fact]
    public async Task A_target_that_answers_nonsense_pays_for_it()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.JoinAsync(2);
        b.Handle(RelayProtocols.Stop, async (stream, _) =>
        {
            await RelayNet.ReadStopAsync(stream);
            await RelayNet.WriteAsync(stream, StopMessage.Connect(TestPeers.Id(1), null));
            await stream.CloseWriteAsync(None);
        });
        await net.ReserveAsync(b);
        Node a = await net.JoinAsync(1);

        await RefusedAsync(net, a, HopMessage.Connect(b.LocalPeer), RelayStatusCode.ConnectionFailed);

        Assert.InRange(net.Relay.GetPeerInfo(b.LocalPeer)!.Score, -10, -9);
        Assert.Equal(0, net.Relay.GetPeerInfo(a.LocalPeer)!.Score);
    }

    [Fact]
    public async Task A_source_that_leaves_while_the_target_thinks_holds_nothing()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.JoinAsync(2);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        b.Handle(RelayProtocols.Stop, async (stream, token) =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        });
        await net.ReserveAsync(b);
        Node a = await net.JoinAsync(1);
        PeerStream stream = await net.OpenAsync(a);
        await FramedWriter.WriteAsync(stream, RelayCodec.Encode(HopMessage.Connect(b.LocalPeer)), None);
        await asked.Task.LimitAsync("the target is asked");
        Assert.Equal(1, net.Server.Status.Circuits);

        await a.DisposeAsync().LimitAsync("leaving");

        await Within.UntilAsync(() => net.Server.Status.Circuits == 0, "the circuit is given back");
        Assert.Equal(3, net.Server.LedgerEntryCount); // b's slot
    }

    private static async Task RefusedAsync(RelayNet net, Node from, HopMessage request, RelayStatusCode expected)
    {
        HopMessage answer = await net.AskAsync(from, RelayCodec.Encode(request));
        Assert.Equal((HopMessageType.Status, expected), (answer.Type, answer.Status));
        Assert.Null(answer.Reservation);
        Assert.True(net.Server.Status.Refused[expected.ToString()] > 0);
    }

    private static async Task OverrunAsync(PeerStream stream, TaskCompletionSource broken)
    {
        try
        {
            while (true)
            {
                await stream.WriteAsync(new byte[1000], None);
            }
        }
        catch (IOException)
        {
            broken.SetResult();
        }
    }

    private static async Task DrainAsync(PeerStream stream, TaskCompletionSource broken)
    {
        try
        {
            while (await stream.ReadAsync(new byte[1000], None) > 0)
            {
            }
        }
        catch (IOException)
        {
            broken.SetResult();
        }
    }
}
