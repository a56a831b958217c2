using System.Text;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayServerTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_reservation_tells_the_relays_addresses_the_limit_and_a_voucher_for_the_asker()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = await net.JoinAsync(1);

        HopMessage answer = await net.ReserveAsync(a);

        Assert.Equal((HopMessageType.Status, RelayStatusCode.Ok), (answer.Type, answer.Status));
        Assert.Equal(new LinkLimit(TimeSpan.FromMinutes(2), 131072), answer.Limit);
        Assert.Equal(net.Relay.ListenAddresses, answer.Reservation!.Addresses);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        Assert.InRange(answer.Reservation.Expires, now + TimeSpan.FromMinutes(55), now + TimeSpan.FromMinutes(60));
        Assert.Equal(EnvelopeCheck.Valid, ReservationVoucher.TryOpen(
            answer.Reservation.Voucher!.Value.Span, net.Relay.LocalPeer, a.LocalPeer, out ReservationVoucher? voucher));
        Assert.Equal(answer.Reservation.Expires, voucher!.Expires);
        Assert.Equal((true, 1, 128, 0, 512), Numbers(net.Server.Status));
    }

    [Fact]
    public async Task Bytes_go_through_both_ways_and_a_half_close_too()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.TargetAsync(2, async (stream, token) =>
        {
            using var all = new MemoryStream();
            await stream.CopyToAsync(all, token); // to the half-close
            await stream.WriteAsync(all.ToArray().Reverse().ToArray(), token);
            await stream.CloseWriteAsync(token);
        });
        Node a = await net.JoinAsync(1);
        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);

        await circuit.WriteAsync("hello"u8.ToArray(), None).LimitAsync("writing");
        await circuit.CloseWriteAsync(None).LimitAsync("half-closing");
        using var answer = new MemoryStream();
        await circuit.CopyToAsync(answer, None).LimitAsync("the answer");

        Assert.Equal("olleh", Encoding.ASCII.GetString(answer.ToArray()));
        await EndedAsync(net, EndReason.Completed);
        Assert.Equal((0, 10), (net.Server.Status.Circuits, net.Server.Status.BytesRelayed));
        Assert.Equal(3, net.Server.LedgerEntryCount); // b's slot, by peer, address and network
    }

    [Fact]
    public async Task The_target_learns_who_connects_and_the_limit()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.JoinAsync(2);
        var seen = new TaskCompletionSource<StopMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        b.Handle(RelayProtocols.Stop, async (stream, _) =>
        {
            seen.SetResult(await RelayNet.ReadStopAsync(stream));
            await RelayNet.WriteAsync(stream, StopMessage.Answer(RelayStatusCode.PermissionDenied));
            await stream.CloseWriteAsync(None);
        });
        await net.ReserveAsync(b);
        Node a = await net.JoinAsync(1);

        (PeerStream stream, HopMessage answer) = await net.TryConnectAsync(a, b.LocalPeer);
        await stream.DisposeAsync();

        StopMessage request = await seen.Task.LimitAsync("the stop message");
        Assert.Equal(
            (a.LocalPeer, new LinkLimit(TimeSpan.FromMinutes(2), 131072)), (request.Peer!.Id, request.Limit));
        Assert.Equal(RelayStatusCode.ConnectionFailed, answer.Status); // b did not want it
        Assert.Equal(0, net.Server.Status.Circuits);
    }

    [Fact]
    public async Task Bytes_that_follow_the_messages_at_once_are_not_lost()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.JoinAsync(2);
        b.Handle(RelayProtocols.Stop, async (stream, token) =>
        {
            await RelayNet.ReadStopAsync(stream);
            byte[] ok = RelayCodec.Encode(StopMessage.Answer(RelayStatusCode.Ok));
            await stream.WriteAsync((byte[])[(byte)ok.Length, .. ok, .. "first"u8], token);
            await Swarms.EchoAsync(stream, token);
        });
        await net.ReserveAsync(b);
        Node a = await net.JoinAsync(1);
        await using PeerStream stream = await net.OpenAsync(a);

        byte[] connect = RelayCodec.Encode(HopMessage.Connect(b.LocalPeer));
        await stream.WriteAsync((byte[])[(byte)connect.Length, .. connect, .. "second"u8], None).LimitAsync("asking");
        await stream.CloseWriteAsync(None).LimitAsync("half-closing");
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer, None).LimitAsync("the answer");

        Assert.EndsWith("firstsecond", Encoding.ASCII.GetString(answer.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reset_of_one_end_reaches_the_other()
    {
        var broken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.TargetAsync(2, async (stream, token) =>
        {
            try
            {
                await Swarms.EchoAsync(stream, token);
            }
            catch (IOException)
            {
                broken.SetResult();
            }
        });
        Node a = await net.JoinAsync(1);
        PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);
        await RoundTripAsync(circuit, 10);

        circuit.Reset(EndReason.ClosedLocally);

        await broken.Task.LimitAsync("the reset at the target");
        await EndedAsync(net, EndReason.ClosedByRemote);
    }

    [Fact]
    public async Task When_an_end_disconnects_its_slot_and_its_circuits_are_free_at_once()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.TargetAsync(2);
        Node a = await net.JoinAsync(1);
        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);
        await RoundTripAsync(circuit, 10);
        Assert.Equal((1, 1), (net.Server.Status.Reservations, net.Server.Status.Circuits));

        await b.DisconnectAsync(net.Relay.LocalPeer).LimitAsync("disconnecting");

        await Assert.ThrowsAnyAsync<IOException>(() => circuit.ReadAsync(new byte[1], None).LimitAsync("the end"));
        await Within.UntilAsync(() => net.Server.LedgerEntryCount == 0, "nothing is counted any more");
        Assert.Equal((0, 0), (net.Server.Status.Reservations, net.Server.Status.Circuits));
        Assert.Equal(
            RelayStatusCode.NoReservation, (await net.TryConnectAsync(a, b.LocalPeer)).Answer.Status);
    }

    [Fact]
    public async Task A_slot_outlives_one_of_two_connections()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = Swarms.Create(1);
        await using (a)
        {
            await a.ListenAsync(Swarms.Loopback, None).LimitAsync("listening");
            await Swarms.ConnectAsync(a, net.Relay);
            await net.ReserveAsync(a);
            ITransportLink link = await net.Relay.Network.DialLinkAsync(
                a.ListenAddresses[0], DialOrigin.Ephemeral, None).LimitAsync("a second link");
            await net.Relay.Network.AdoptAsync(link, LinkTerms.Outbound(ConnectionPath.Direct, a.LocalPeer), None)
                .LimitAsync("a second connection");
            Assert.Equal(2, net.Relay.Network.ConnectionsOf(a.LocalPeer).Count);

            net.Relay.Network.ConnectionsOf(a.LocalPeer)[0].Close(EndReason.ClosedLocally);
            await Within.UntilAsync(() => net.Relay.Network.ConnectionsOf(a.LocalPeer).Count == 1, "one is gone");
            Assert.Equal(1, net.Server.Status.Reservations);
        }

        await Within.UntilAsync(() => net.Server.Status.Reservations == 0, "the slot is free");
    }

    [Fact]
    public async Task A_new_reservation_takes_the_place_of_the_old_one()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node a = await net.JoinAsync(1);
        await net.ReserveAsync(a);
        Assert.Equal(RelayStatusCode.Ok, (await net.ReserveAsync(a)).Status);
        Assert.Equal(1, net.Server.Status.Reservations);
    }

    [Fact]
    public async Task Turned_off_it_takes_the_slots_back_tells_the_peers_and_lets_circuits_finish()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        Node b = await net.TargetAsync(2);
        Node a = await net.JoinAsync(1);
        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);

        net.Server.SetActive(false);
        net.Server.SetActive(false);

        Assert.Equal((false, 0, 128, 1, 512), Numbers(net.Server.Status));
        await Within.UntilAsync(() => a.Network.Speaks(net.Relay.LocalPeer, RelayProtocols.Hop) == false, "a push tells it");
        await RoundTripAsync(circuit, 1000);
        await Assert.ThrowsAnyAsync<Exception>(() => net.ReserveAsync(a));

        net.Server.SetActive(true);
        await Within.UntilAsync(() => a.Network.Speaks(net.Relay.LocalPeer, RelayProtocols.Hop) == true, "a push tells it");
        Assert.Equal(RelayStatusCode.Ok, (await net.ReserveAsync(a)).Status);
    }

    [Fact]
    public async Task Its_end_resets_the_circuits()
    {
        RelayNet net = await RelayNet.StartAsync();
        await using (net)
        {
            Node b = await net.TargetAsync(2);
            Node a = await net.JoinAsync(1);
            await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);

            await net.Server.DisposeAsync().LimitAsync("the server's end");

            await Assert.ThrowsAnyAsync<IOException>(() => circuit.ReadAsync(new byte[1], None).LimitAsync("the end"));
            net.Server.SetActive(true);
            Assert.False(net.Server.Status.IsActive);
        }
    }

    [Fact]
    public async Task Changes_are_told()
    {
        await using RelayNet net = await RelayNet.StartAsync();
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        net.Server.Changed += () =>
        {
            if (net.Server.Status.Reservations == 1)
            {
                told.TrySetResult();
            }
        };
        await net.ReserveAsync(await net.JoinAsync(1));
        await told.Task.LimitAsync("the event");
    }

    [Fact]
    public async Task A_slot_whose_time_is_over_is_given_to_others()
    {
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { ReservationTime = TimeSpan.FromMilliseconds(100), MaxReservations = 1 });
        var expired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Node a = await net.JoinAsync(1);
        Node b = await net.JoinAsync(2);
        await net.ReserveAsync(a);
        net.Server.Changed += () =>
        {
            if (net.Server.Status.Reservations == 0)
            {
                expired.TrySetResult();
            }
        };
        await expired.Task.LimitAsync("the end of the slot");
        Assert.Equal(RelayStatusCode.Ok, (await net.ReserveAsync(b)).Status);
    }

    [Fact]
    public async Task Two_members_get_a_circuit_without_limit_on_bytes()
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with { IsMember = static _ => true });
        Node b = await net.TargetAsync(2);
        Node a = await net.JoinAsync(1);
        HopMessage reservation = await net.ReserveAsync(a);
        Assert.Equal(new LinkLimit(TimeSpan.FromHours(12), null), reservation.Limit);

        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);
        await RoundTripAsync(circuit, 500_000);

        Assert.True(net.Server.Status.BytesRelayed >= 1_000_000);
    }

    [Fact]
    public async Task Members_whose_proofs_are_under_way_are_waited_for()
    {
        var proof = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        int waiting = 0;
        await using RelayNet net = await RelayNet.StartAsync(o => o with
        {
            ProofWait = Within.Limit,
            ProveMember = (_, token) =>
            {
                Interlocked.Increment(ref waiting);
                return new ValueTask<bool>(proof.Task.WaitAsync(token));
            },
        });
        Task<Node> reserving = net.TargetAsync(2);
        Node a = await net.JoinAsync(1);
        await Within.UntilAsync(() => Volatile.Read(ref waiting) == 1, "the reservation waits");
        proof.SetResult(true);
        Node b = await reserving.LimitAsync("the reservation");

        await using PeerStream circuit = await net.ConnectAsync(a, b.LocalPeer);
        await RoundTripAsync(circuit, 500_000); // more than a stranger's

        Assert.Equal(3, waiting); // b's reservation, and both for the circuit
    }

    [Fact]
    public async Task A_proof_that_does_not_come_is_waited_for_a_while_and_a_stranger_is_served_as_one()
    {
        await using RelayNet net = await RelayNet.StartAsync(o => o with
        {
            ProofWait = TimeSpan.FromMilliseconds(50),
            ProveMember = async (_, token) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                return true;
            },
        });
        Node a = await net.JoinAsync(1);

        Assert.Equal(new LinkLimit(TimeSpan.FromMinutes(2), 131072), (await net.ReserveAsync(a)).Limit);
    }

    internal static async Task RoundTripAsync(PeerStream circuit, int bytes)
    {
        byte[] sent = new byte[bytes];
        new Random(7).NextBytes(sent);
        byte[] back = new byte[bytes];
        await Task.WhenAll(
            circuit.WriteAsync(sent, None).AsTask(), circuit.ReadExactlyAsync(back, None).AsTask()).LimitAsync("the echo");
        Assert.Equal(sent, back);
    }

    internal static Task EndedAsync(RelayNet net, EndReason reason) =>
        Within.UntilAsync(() => net.Server.Status.CircuitEnds.GetValueOrDefault(reason) == 1, $"a circuit ended: {reason}");

    private static (bool, int, int, int, int) Numbers(RelayServerStatus status) =>
        (status.IsActive, status.Reservations, status.MaxReservations, status.Circuits, status.MaxCircuits);
}
