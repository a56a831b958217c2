using System.Net;
using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Routing;

public sealed class RoutingTableTests
{
    private static readonly PeerId Self = KadSamples.Id(0);
    private static readonly DateTimeOffset Start = KadSamples.Start;
    private readonly RoutingTable _table = new(Self, new RoutingTableOptions());

    [Fact]
    public void The_closest_are_those_of_a_full_sort() => Gen.Select(Gen.Int[0, 300], Gen.Int[1, 20], Gen.Int[0, 1000])
        .Sample((count, take, target) =>
        {
            var table = new RoutingTable(Self, new RoutingTableOptions());
            List<int> kept =
            [
                .. Enumerable.Range(1, count).Where(i => table.Seen(KadSamples.Peer(i), [], Start, out _) == TableOutcome.Kept),
            ];
            KadKey key = KadKey.Of(KadSamples.Id(target));
            Assert.Equal(
                kept.Select(KadSamples.Id).OrderBy(p => KadKey.Of(p).DistanceTo(key)).Take(take),
                table.Closest(key, take).Select(p => p.Peer));
            Assert.Equal(kept.Count, table.Count);
        });

    [Fact]
    public void This_node_is_not_in_its_own_table_and_no_asker_in_its_answer()
    {
        Assert.Equal(TableOutcome.Self, _table.Seen(KadSamples.Peer(0), [], Start, out _));
        _table.Seen(KadSamples.Peer(1), [], Start, out _);
        Assert.Empty(_table.Closest(_table.SelfKey, 20, KadSamples.Id(1)));
    }

    [Fact]
    public void A_bucket_holds_k_and_the_newcomer_waits_until_the_oldest_fails_its_ping()
    {
        int[] far = [.. KadSamples.WithPrefix(_table.SelfKey, 0).Take(21)];
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(TableOutcome.Kept, Seen(far[i], TimeSpan.FromSeconds(i)));
        }

        DateTimeOffset later = Start + TimeSpan.FromMinutes(11);
        Assert.Equal(TableOutcome.Waiting, _table.Seen(KadSamples.Peer(far[20]), [], later, out KadPeer? ping));
        Assert.Equal(KadSamples.Id(far[0]), ping!.Peer);
        Assert.Null(_table.Find(KadSamples.Id(far[20])));
        Assert.Equal(TableOutcome.Waiting, _table.Seen(KadSamples.Peer(far[20]), [], later, out KadPeer? again));
        Assert.Null(again); // one ping at a time

        _table.Failed(KadSamples.Id(far[0]));

        Assert.Null(_table.Find(KadSamples.Id(far[0])));
        Assert.NotNull(_table.Find(KadSamples.Id(far[20])));
        Assert.Equal(20, _table.Count);
    }

    [Fact]
    public void The_oldest_keeps_its_place_when_it_answers_its_ping()
    {
        int[] far = [.. KadSamples.WithPrefix(_table.SelfKey, 0).Take(21)];
        Array.ForEach(far[..20], i => Seen(i, TimeSpan.Zero));
        DateTimeOffset later = Start + TimeSpan.FromHours(1);
        _table.Seen(KadSamples.Peer(far[20]), [], later, out KadPeer? ping);
        _table.Seen(ping!, [], later, out _);

        Assert.NotNull(_table.Find(ping!.Peer));
        Assert.Null(_table.Find(KadSamples.Id(far[20])));
    }

    [Fact]
    public void A_fresh_bucket_is_not_pinged_and_the_waiting_are_few()
    {
        int[] far = [.. KadSamples.WithPrefix(_table.SelfKey, 0).Take(40)];
        foreach (int i in far)
        {
            _table.Seen(KadSamples.Peer(i), [], Start, out KadPeer? ping);
            Assert.Null(ping);
        }

        Array.ForEach(far[..20], i => _table.Failed(KadSamples.Id(i)));

        // five waited, the last of the twenty; the other fifteen of the bucket are kept until somebody comes
        Assert.Equal(20, _table.Count);
        Assert.Equal(5, far[20..].Count(i => _table.Find(KadSamples.Id(i)) is not null));
        Assert.All(far[35..], i => Assert.NotNull(_table.Find(KadSamples.Id(i))));
    }

    [Fact]
    public void A_peer_that_nobody_waits_for_goes_at_the_third_failure_in_a_row()
    {
        Seen(1, TimeSpan.Zero);
        _table.Failed(KadSamples.Id(1));
        _table.Failed(KadSamples.Id(1));
        Seen(1, TimeSpan.Zero); // it was a bad moment
        _table.Failed(KadSamples.Id(1));
        _table.Failed(KadSamples.Id(1));
        Assert.NotNull(_table.Find(KadSamples.Id(1)));
        _table.Failed(KadSamples.Id(1));
        Assert.Null(_table.Find(KadSamples.Id(1)));
        Assert.Equal(0, _table.Count);
    }

    [Theory]
    [InlineData("11.1.{0}.1")]
    [InlineData("2600:1:{0}::1")]
    public void One_ip_group_gets_two_places_in_a_bucket_and_three_in_all(string pattern)
    {
        IPAddress Ip(int i) => IPAddress.Parse(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, i));
        int[] far = [.. KadSamples.WithPrefix(_table.SelfKey, 0).Take(4)];
        int[] near = [.. KadSamples.WithPrefix(_table.SelfKey, 1).Take(2)];

        Assert.Equal(TableOutcome.Kept, SeenFrom(far[0], Ip(1)));
        Assert.Equal(TableOutcome.Kept, SeenFrom(far[1], Ip(2)));
        Assert.Equal(TableOutcome.GroupFull, SeenFrom(far[2], Ip(3)));
        Assert.Equal(TableOutcome.Kept, SeenFrom(near[0], Ip(4)));
        Assert.Equal(TableOutcome.GroupFull, SeenFrom(near[1], Ip(5)));
        Assert.Equal(TableOutcome.Kept, SeenFrom(far[3], IPAddress.Parse("11.2.0.1"))); // another group

        _table.Remove(KadSamples.Id(far[0]));
        Assert.Equal(TableOutcome.Kept, SeenFrom(far[2], Ip(3))); // the place is free again
    }

    [Fact]
    public void Identities_made_up_near_a_key_in_one_ip_group_get_three_places()
    {
        KadKey attacked = KadKey.Of("/p2plearn/attacked"u8);
        int[] sybils = [.. Enumerable.Range(1, 200_000).Where(i => KadKey.Of(KadSamples.Id(i)).CommonPrefixLength(attacked) >= 8)];
        Assert.True(sybils.Length > 500);
        for (int i = 0; i < sybils.Length; i++)
        {
            SeenFrom(sybils[i], IPAddress.Parse($"11.1.{i >> 8}.{i & 255}"));
        }

        Assert.InRange(_table.Closest(attacked, 1_000).Count, 1, new RoutingTableOptions().MaxPerGroup);
    }

    [Fact]
    public void Neighbours_on_addresses_that_are_not_public_are_not_limited_by_group()
    {
        int[] far = [.. KadSamples.WithPrefix(_table.SelfKey, 0).Take(20)];
        Assert.All(far, i => Assert.Equal(TableOutcome.Kept, SeenFrom(i, IPAddress.Parse("192.168.1.7"))));
    }

    [Fact]
    public void An_address_mapped_into_ipv6_counts_as_the_one_it_is()
    {
        Assert.Equal(
            IpGroups.Of(IPAddress.Parse("11.1.2.3"), AddressRule.PublicInternet),
            IpGroups.Of(IPAddress.Parse("::ffff:11.1.99.9"), AddressRule.PublicInternet));
    }

    [Fact]
    public void Of_a_peers_addresses_eight_are_kept_and_no_news_does_not_delete_them()
    {
        var many = new KadPeer(
            KadSamples.Id(1), [.. Enumerable.Range(1, 100).Select(i => Multiaddr.Parse($"/ip4/1.2.3.4/tcp/{i}"))]);
        _table.Seen(many, [], Start, out _);
        _table.Seen(many with { Addresses = [] }, [], Start, out _);
        Assert.Equal(KadLimits.MaxAddresses, _table.Find(many.Peer)!.Addresses.Count);
    }

    [Fact]
    public void A_bucket_is_stale_until_a_lookup_goes_through_it()
    {
        Assert.Equal([0], _table.StaleBuckets(Start));
        Seen(KadSamples.WithPrefix(_table.SelfKey, 2).First(), TimeSpan.Zero);
        Assert.Equal([0, 1, 2, 3], _table.StaleBuckets(Start));
        _table.Refreshed(KadKey.Of(KadSamples.Id(KadSamples.WithPrefix(_table.SelfKey, 1).First())), Start);
        Assert.Equal([0, 2, 3], _table.StaleBuckets(Start));
        Assert.Equal([0, 1, 2, 3], _table.StaleBuckets(Start + TimeSpan.FromMinutes(10)));
    }

    [Fact]
    public void It_keeps_its_ranges_whatever_comes() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 400], Gen.Int[0, 30]).Array[0, 600].Sample(steps =>
        {
            var table = new RoutingTable(Self, new RoutingTableOptions());
            foreach ((int what, int peer, int net) in steps)
            {
                if (what == 0)
                {
                    table.Failed(KadSamples.Id(peer));
                }
                else
                {
                    table.Seen(KadSamples.Peer(peer), [IPAddress.Parse($"11.{net}.0.1")], Start, out _);
                }
            }

            IReadOnlyList<KadPeer> all = table.Closest(table.SelfKey, 10_000);
            Assert.Equal(table.Count, all.Count);
            Assert.InRange(table.Count, 0, 31 * 3);
            Assert.All(
                all.GroupBy(p => table.SelfKey.CommonPrefixLength(KadKey.Of(p.Peer))), b => Assert.InRange(b.Count(), 1, 20));
        }, iter: 50);

    private TableOutcome Seen(int peer, TimeSpan at) => _table.Seen(KadSamples.Peer(peer), [], Start + at, out _);

    private TableOutcome SeenFrom(int peer, IPAddress ip) => _table.Seen(KadSamples.Peer(peer), [ip], Start, out _);
}
