using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Relays that answer a request for a slot as no relay should.</summary>
public sealed class RelayClientHostileTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Garbage_is_a_broken_rule() => Assert.True(await PenaltyAsync(
        _ => RelayClientScript.Says(RelayClientScript.Frame(0xff, 0xff, 0xff))) < -15);

    [Fact]
    public async Task A_length_beyond_the_limit_is_a_broken_rule() => Assert.True(await PenaltyAsync(
        _ => RelayClientScript.Says([0xff, 0xff, 0x7f])) < -15);

    [Fact]
    public async Task Another_message_than_a_status_is_a_broken_rule() => Assert.True(await PenaltyAsync(
        _ => RelayClientScript.Says(RelayClientScript.Frame(HopMessage.Reserve))) < -5);

    [Fact]
    public async Task A_slot_without_its_terms_is_a_broken_rule() => Assert.True(await PenaltyAsync(
        _ => RelayClientScript.Says(RelayClientScript.Frame(HopMessage.Answer(RelayStatusCode.Ok)))) < -15);

    [Fact]
    public async Task A_voucher_of_another_relay_is_a_broken_rule() => Assert.True(await PenaltyAsync(relay =>
    {
        using KeyPair other = TestPeers.Key(8);
        return RelayClientScript.Says(RelayClientScript.Frame(relay.Grant(TestPeers.Id(1), signer: other)));
    }) < -5);

    [Fact]
    public async Task A_voucher_for_another_peer_is_a_broken_rule() => Assert.True(await PenaltyAsync(
        relay => RelayClientScript.Says(RelayClientScript.Frame(relay.Grant(TestPeers.Id(7))))) < -5);

    [Fact]
    public async Task A_voucher_with_a_forged_signature_is_a_broken_rule() => Assert.True(await PenaltyAsync(relay =>
    {
        HopMessage grant = relay.Grant(TestPeers.Id(1));
        byte[] voucher = grant.Reservation!.Voucher!.Value.ToArray();
        voucher[^1] ^= 1;
        return RelayClientScript.Says(RelayClientScript.Frame(
            grant with { Reservation = grant.Reservation with { Voucher = voucher } }));
    }) < -45);

    [Theory]
    [InlineData(200)]
    [InlineData(201)]
    [InlineData(202)]
    [InlineData(400)]
    [InlineData(999)]
    public async Task A_refusal_is_no_broken_rule(int status) => Assert.Equal(0, await PenaltyAsync(
        _ => RelayClientScript.Says(RelayClientScript.Frame(HopMessage.Answer((RelayStatusCode)status)))));

    [Fact]
    public async Task A_slot_that_has_ended_already_is_of_no_use() => Assert.Equal(0, await PenaltyAsync(
        relay => RelayClientScript.Says(RelayClientScript.Frame(relay.Grant(TestPeers.Id(1), TimeSpan.FromHours(-1))))));

    [Fact]
    public async Task A_slot_without_an_end_is_believed_for_a_day()
    {
        await using var net = new CircuitNet();
        await using RelayClientScript relay = await RelayClientScript.StartAsync(0, (_, _) => Task.CompletedTask);
        HopMessage grant = relay.Grant(TestPeers.Id(1));
        relay.Answer = RelayClientScript.Says(RelayClientScript.Frame(
            grant with { Reservation = new ReservationGrant(DateTimeOffset.MaxValue, [], null) }));

        (_, RelayClient client) = await net.ReservedAsync(1, relay.Node);

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        Assert.InRange(client.Reservations[0].Expires, now + TimeSpan.FromHours(23), now + TimeSpan.FromHours(24));
    }

    [Fact]
    public async Task A_silent_relay_is_given_up_and_another_one_held_meanwhile()
    {
        await using var net = new CircuitNet();
        await using RelayClientScript silent = await RelayClientScript.StartAsync(
            8, (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token));
        (Node node, RelayClient client) = net.Hidden(1, o => o with { Reservations = 1 });
        await Swarms.ConnectAsync(node, silent.Node);
        await Within.UntilAsync(() => silent.Requests == 1, "the silent relay was asked");

        (Node relay, _) = await net.RelayAsync(0);
        await Swarms.ConnectAsync(node, relay);

        await CircuitNet.HoldsAsync(client, relay);
        Assert.Equal(0, silent.ScoreAt(node));
    }

    [Fact]
    public async Task A_drip_does_not_extend_the_deadline()
    {
        await using var net = new CircuitNet();
        await using RelayClientScript relay = await RelayClientScript.StartAsync(0, async (stream, token) =>
        {
            await stream.WriteAsync((byte[])[0xa0, 0x1f], token); // 4000 bytes will follow
            while (true)
            {
                await stream.WriteAsync((byte[])[0], token);
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, token);
            }
        });
        (Node node, _) = net.Hidden(1, o => o with
        {
            ReserveTimeout = TimeSpan.FromMilliseconds(200),
            BrokenPause = TimeSpan.FromMilliseconds(10),
        });
        await Swarms.ConnectAsync(node, relay.Node);

        await Within.UntilAsync(() => relay.Requests >= 2, "it is asked again after the deadline");
    }

    /// <summary>The relay's score after one answer, which must not make a slot.</summary>
    private static async Task<double> PenaltyAsync(Func<RelayClientScript, Networking.Swarm.StreamHandler> answer)
    {
        await using var net = new CircuitNet();
        await using RelayClientScript relay = await RelayClientScript.StartAsync(0, (_, _) => Task.CompletedTask);
        relay.Answer = answer(relay);
        (Node node, RelayClient client) = net.Hidden(1, o => o with { BrokenPause = TimeSpan.FromMinutes(5) });
        await Swarms.ConnectAsync(node, relay.Node);
        await Within.UntilAsync(() => relay.Requests == 1, "the relay was asked");
        await Within.UntilAsync(() => !IsAsking(client, relay), "the answer was taken in");

        Assert.Empty(client.Reservations);
        Assert.Equal(1, relay.Requests);
        await node.PingAsync(relay.Node.LocalPeer, None).LimitAsync("the connection lives on");
        return relay.ScoreAt(node);
    }

    private static bool IsAsking(RelayClient client, RelayClientScript relay) => client.IsOurRelay(relay.Node.LocalPeer);
}
