using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Which addresses of a granted slot are told of, and how long it is believed.</summary>
public sealed class RelayClientAnswerTests
{
    private const string Public = "/ip4/1.2.3.4/tcp/4001";
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly PeerId Relay = TestPeers.Id(0);

    [Fact]
    public void The_address_that_we_dialled_comes_first_and_once() => Assert.Equal(
        [Public, "/ip4/5.6.7.8/tcp/1"],
        Read(["/ip4/5.6.7.8/tcp/1", Public]));

    [Fact]
    public void An_address_that_was_accepted_is_a_last_resort()
    {
        Assert.Equal(["/ip4/5.6.7.8/tcp/1"], Read(["/ip4/5.6.7.8/tcp/1"], isDialable: false));
        Assert.Equal(["/ip4/9.9.9.9/tcp/1"], Read([], known: ["/ip4/9.9.9.9/tcp/1"], isDialable: false));
        Assert.Equal([Public], Read([], isDialable: false));
    }

    [Theory]
    [InlineData("/ip4/192.168.1.1/tcp/1")]
    [InlineData("/ip4/127.0.0.1/tcp/1")]
    [InlineData("/ip6/fe80::1/tcp/1")]
    [InlineData("/memory/1")]
    public void A_relay_seen_at_a_public_address_cannot_name_private_ones(string address) =>
        Assert.Equal([Public], Read([address]));

    [Fact]
    public void A_relay_seen_at_a_private_address_may_name_private_ones_but_not_our_own_machine()
    {
        const string seen = "/ip4/192.168.1.7/tcp/4001";
        Assert.Equal([seen, "/ip4/10.0.0.1/tcp/1", Public], Read(["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/22", Public], seen));
        Assert.Equal(
            ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.2/tcp/1"], Read(["/ip4/127.0.0.2/tcp/1"], "/ip4/127.0.0.1/tcp/1"));
    }

    [Fact]
    public void Names_may_be_told_of() =>
        Assert.Equal([Public, "/dns4/relay.example/tcp/4001"], Read(["/dns4/relay.example/tcp/4001"]));

    [Fact]
    public void The_relays_own_id_may_follow_and_nobody_elses()
    {
        Assert.Equal([Public, "/ip4/5.6.7.8/tcp/1"], Read([$"/ip4/5.6.7.8/tcp/1/p2p/{Relay}"]));
        Assert.Equal([Public], Read([$"/ip4/5.6.7.8/tcp/1/p2p/{TestPeers.Id(5)}"]));
        Assert.Equal([Public], Read([$"/p2p/{Relay}"]));
    }

    [Fact]
    public void A_relay_behind_a_relay_is_not_told_of() => Assert.Equal(
        [Public], Read([$"/ip4/5.6.7.8/tcp/1/p2p/{TestPeers.Id(5)}/p2p-circuit", $"/ip4/5.6.7.8/tcp/1/p2p/{TestPeers.Id(5)}/p2p-circuit/p2p/{Relay}"]));

    [Fact]
    public void Only_so_many_addresses_are_taken() => Assert.Equal(
        4, Read([.. Enumerable.Range(1, 50).Select(i => $"/ip4/5.6.7.8/tcp/{i}")]).Length);

    [Fact]
    public void The_earlier_end_of_slot_and_voucher_counts()
    {
        using KeyPair key = TestPeers.Key(0);
        byte[] voucher = new ReservationVoucher(Relay, TestPeers.Id(1), Now + TimeSpan.FromMinutes(5)).Seal(key).ToProtobuf();

        Assert.Equal(Now + TimeSpan.FromMinutes(5), Slot([], voucher: voucher).Expires);
    }

    [Fact]
    public void A_slot_without_an_end_is_believed_for_a_day() => Assert.Equal(
        Now + TimeSpan.FromHours(24), Slot([], lifetime: DateTimeOffset.MaxValue - Now).Expires);

    [Fact]
    public void A_voucher_that_is_none_is_a_broken_rule() => Assert.Equal(
        EndReason.MalformedMessage,
        Assert.Throws<ProtocolViolationException>(() => Slot([], voucher: new byte[20])).Reason);

    [Theory]
    [InlineData(0)]
    [InlineData(29)]
    [InlineData(-1_000_000)]
    public void A_slot_too_short_is_of_no_use_and_nobodys_fault(int seconds) =>
        Assert.Throws<UpgradeException>(() => Slot([], lifetime: TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("/ip4/192.0.2.77/tcp/4001", "192.0.2.0/24")]
    [InlineData("/ip6/2001:db8:1:2::3/tcp/4001", "2001:db8:1::/48")]
    [InlineData("/ip6/::ffff:192.0.2.77/tcp/4001", "192.0.2.0/24")]
    [InlineData("/dns4/relay.example/tcp/4001", null)]
    [InlineData("/memory/3", null)]
    public void The_network_of_an_address_is_its_site(string address, string? network) =>
        Assert.Equal(network, RelayNetwork.Of(Multiaddr.Parse(address)));

    private static string[] Read(string[] listed, string seenAt = Public, string[]? known = null, bool isDialable = true)
    {
        string end = $"/p2p/{Relay}/p2p-circuit";
        return
        [
            .. Slot(listed, seenAt, known, isDialable).Addresses.Select(a =>
            {
                Assert.EndsWith(end, a.ToString(), StringComparison.Ordinal);
                return a.ToString()[..^end.Length];
            }),
        ];
    }

    private static RelaySlot Slot(
        string[] listed,
        string seenAt = Public,
        string[]? known = null,
        bool isDialable = true,
        byte[]? voucher = null,
        TimeSpan? lifetime = null)
    {
        var check = new ReservationAnswer(
            new RelayClientOptions(), TestPeers.Id(1), Relay, Multiaddr.Parse(seenAt), isDialable);
        var grant = new ReservationGrant(
            Now + (lifetime ?? TimeSpan.FromHours(1)),
            [.. listed.Select(Multiaddr.Parse)],
            voucher is null ? default(ReadOnlyMemory<byte>?) : voucher);
        HopMessage answer = HopMessage.Answer(RelayStatusCode.Ok) with { Reservation = grant };
        return check.Read(answer, [.. (known ?? []).Select(Multiaddr.Parse)], Now);
    }
}
