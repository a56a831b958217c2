using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

public class PunchRulesTests
{
    private static readonly AddressRule Internet = AddressRule.PublicInternet;
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(500);

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/4001")]
    [InlineData("/ip6/::1/tcp/4001")]
    [InlineData("/ip4/10.1.2.3/tcp/22")]
    [InlineData("/ip4/169.254.169.254/tcp/80")]
    [InlineData("/ip4/0.0.0.0/tcp/4001")]
    [InlineData("/ip4/224.0.0.1/tcp/4001")]
    [InlineData("/ip4/11.0.0.1/tcp/0")]
    [InlineData("/ip4/11.0.0.1/udp/4001")]
    [InlineData("/ip4/11.0.0.1/tcp/4001/ws")]
    [InlineData("/dns4/example.org/tcp/443")]
    [InlineData("/ip6/::ffff:10.0.0.1/tcp/4001")]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/4001")]
    [InlineData("/ip4/11.0.0.1/tcp/4001/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf/p2p-circuit")]
    public void What_a_stranger_may_not_make_us_dial_is_not_dialled(string address)
    {
        Multiaddr[] told = [Multiaddr.Parse(address)];
        Assert.Empty(PunchAddresses.ToPunch(told, [At("11.0.0.9")], Internet, 8));
        Assert.Empty(PunchAddresses.ToDialBack(told, Internet, 8));
    }

    [Fact]
    public void Only_so_many_addresses_are_dialled_each_once_and_without_peer_ids()
    {
        Multiaddr[] told = [.. Enumerable.Range(1, 60).SelectMany(i => new[] { At($"11.0.0.{i}"), At($"11.0.0.{i}").WithPeerId(TestPeers.Id(1)) })];
        Assert.Equal(Enumerable.Range(1, 8).Select(i => At($"11.0.0.{i}")), PunchAddresses.ToPunch(told, [], Internet, 8));
    }

    [Fact]
    public void Private_addresses_are_dialled_only_behind_the_same_public_ip()
    {
        Multiaddr[] told = [At("11.0.0.1"), At("192.168.1.7"), At("100.64.3.3")];
        Assert.Equal([At("11.0.0.1")], PunchAddresses.ToPunch(told, [At("11.0.0.2"), At("192.168.1.8")], Internet, 8));
        Assert.Equal(told[1..], PunchAddresses.ToPunch(told, [At("11.0.0.1"), At("192.168.1.8")], Internet, 8));
        Assert.Equal([At("192.168.1.7")], PunchAddresses.ToPunch([At("192.168.1.7")], [At("192.168.1.8")], AddressRule.Everything, 8));
    }

    [Fact]
    public void Our_own_address_is_not_dialled() =>
        Assert.Empty(PunchAddresses.ToPunch([At("11.0.0.1")], [At("11.0.0.1")], Internet, 8));

    [Fact]
    public void Told_are_public_addresses_first_then_those_of_our_network_never_loopback() => Assert.Equal(
        [At("11.0.0.1"), At("192.168.1.8")],
        PunchAddresses.ToTell([At("11.0.0.1")], [At("127.0.0.1"), At("192.168.1.8"), At("11.0.0.1")], Internet, 8));

    [Fact]
    public void The_answering_side_speaks_first_at_once_where_it_dialled()
    {
        TimeSpan roundTrip = TimeSpan.FromMilliseconds(100);
        Assert.Equal(TimeSpan.Zero, Wait(PunchSide.Answerer, PunchLinkOrigin.Dialled, roundTrip));
        Assert.Equal(PunchRoles.ExpectedLinkWait, Wait(PunchSide.Answerer, PunchLinkOrigin.Expected, roundTrip));
        Assert.Equal(PunchRoles.NearbyLinkWait, Wait(PunchSide.Answerer, PunchLinkOrigin.Nearby, roundTrip));
        Assert.Equal(TimeSpan.FromMilliseconds(400), Wait(PunchSide.Answerer, PunchLinkOrigin.Nearby, roundTrip * 8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1500)]
    [InlineData(60_000)]
    public void The_opening_side_waits_longer_than_the_answering_one_in_every_case(int roundTripMs)
    {
        TimeSpan roundTrip = TimeSpan.FromMilliseconds(roundTripMs);
        TimeSpan oneWay = TimeSpan.FromMilliseconds(Math.Min(roundTripMs, 2000)) / 2;
        foreach (PunchLinkOrigin origin in Enum.GetValues<PunchLinkOrigin>())
        {
            Assert.True(Wait(PunchSide.Answerer, origin, roundTrip) + oneWay < Wait(PunchSide.Opener, origin, roundTrip));
            for (int collisions = 1; collisions < 3; collisions++)
            {
                TimeSpan first = Wait(PunchSide.Answerer, origin, roundTrip, collisions);
                Assert.True(first > TimeSpan.Zero); // the other side may be one that speaks first: listen
                Assert.True(first + oneWay < Wait(PunchSide.Opener, origin, roundTrip, collisions));
            }
        }
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(0, 1)]
    public void Both_sides_do_not_speak_at_once_when_only_one_saw_a_collision(int ofAnswerer, int ofOpener)
    {
        TimeSpan roundTrip = TimeSpan.FromMilliseconds(100);
        TimeSpan answerer = Wait(PunchSide.Answerer, PunchLinkOrigin.Dialled, roundTrip, ofAnswerer);
        TimeSpan opener = Wait(PunchSide.Opener, PunchLinkOrigin.Dialled, roundTrip, ofOpener);
        Assert.True((answerer - opener).Duration() > roundTrip / 2, $"{answerer} and {opener}");
    }

    [Fact]
    public void A_peer_may_ask_six_times_in_a_row_and_then_every_ten_seconds()
    {
        var time = new FakeTimeProvider();
        var pace = new PunchPace(new DcutrOptions(), time);
        Assert.Equal(6, Enumerable.Range(0, 20).Count(_ => pace.TryTake(TestPeers.Id(1))));
        Assert.True(pace.TryTake(TestPeers.Id(2)));
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(pace.TryTake(TestPeers.Id(1)));
        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True(pace.TryTake(TestPeers.Id(1)));
        Assert.False(pace.TryTake(TestPeers.Id(1)));
    }

    [Fact]
    public void Only_so_many_peers_are_remembered_and_idle_ones_make_room()
    {
        var time = new FakeTimeProvider();
        var pace = new PunchPace(new DcutrOptions(), time);
        for (int i = 0; i < PunchPace.MaxEntries; i++)
        {
            Assert.True(pace.TryTake(TestPeers.Id(i)));
        }

        Assert.False(pace.TryTake(TestPeers.Id(PunchPace.MaxEntries)));
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(pace.TryTake(TestPeers.Id(PunchPace.MaxEntries)));
    }

    [Fact]
    public void Pauses_between_tries_double_up_to_an_hour_and_new_addresses_cut_them_short()
    {
        var retry = new PunchRetry(new DcutrOptions());
        retry.Began([At("11.0.0.1")]);
        Assert.Equal([5, 10, 20, 40, 60, 60], Enumerable.Range(0, 6).Select(_ => (int)retry.Failed().TotalMinutes));
        Assert.False(retry.IsWorthIt([At("11.0.0.1")]));
        Assert.False(retry.IsWorthIt([]));
        Assert.True(retry.IsWorthIt([At("11.0.0.1"), At("11.0.0.2")]));
    }

    [Fact]
    public void Options_that_cannot_work_are_refused()
    {
        new DcutrOptions().Validate();
        Assert.Throws<ArgumentOutOfRangeException>(() => new DcutrOptions { MaxAddresses = 0 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new DcutrOptions { MaxOpenedAtOnce = 0 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new DcutrOptions { AttemptTimeout = TimeSpan.Zero }.Validate());
    }

    private static Multiaddr At(string ip) => Multiaddr.Parse($"/ip4/{ip}/tcp/4001");

    private static TimeSpan Wait(PunchSide side, PunchLinkOrigin origin, TimeSpan roundTrip, int collisions = 0) =>
        PunchRoles.ProposeAfter(side, origin, roundTrip, collisions, Margin);
}
