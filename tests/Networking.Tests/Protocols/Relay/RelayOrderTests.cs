using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayOrderTests
{
    private static readonly PeerId[] Relays = [TestPeers.Id(100), TestPeers.Id(101), TestPeers.Id(102)];

    [Fact]
    public void Both_sides_of_a_pair_prefer_the_same_relay()
    {
        for (int i = 0; i < 20; i++)
        {
            (PeerId a, PeerId b) = (TestPeers.Id(i), TestPeers.Id(i + 1));

            Assert.Equal(Sort(a, b, Ways()), Sort(b, a, Ways().Reverse()));
        }
    }

    [Fact]
    public void Pairs_spread_over_the_relays()
    {
        int[] counts = [.. Relays.Select(relay => Enumerable.Range(0, 300)
            .Count(i => Sort(TestPeers.Id(i % 25), TestPeers.Id(25 + (i / 25)), Ways())[0] == Way(relay)))];

        Assert.Equal(300, counts.Sum());
        Assert.All(counts, count => Assert.InRange(count, 60, 140));
    }

    [Fact]
    public void A_relay_that_cuts_circuits_short_comes_last_and_ways_through_one_relay_keep_their_order()
    {
        PeerId first = RelayOf(Sort(TestPeers.Id(1), TestPeers.Id(2), Ways())[0]);
        var slot = new RelayReservation(first, [], default, new LinkLimit(TimeSpan.FromMinutes(2), 128 << 10), null, default);
        Multiaddr[] ways = [.. Ways(), .. Ways("/ip6/2001:db8::1/tcp/2")];

        IReadOnlyList<Multiaddr> sorted = RelayOrder.Sort(TestPeers.Id(1), TestPeers.Id(2), ways, [slot]);

        Assert.Equal([first, first], sorted.TakeLast(2).Select(RelayOf));
        Assert.All(sorted.Chunk(2), pair => Assert.StartsWith("/ip4", pair[0].ToString(), StringComparison.Ordinal));
        Assert.Equal(ways.ToHashSet(), sorted.ToHashSet());
    }

    [Fact]
    public void What_is_no_way_through_one_relay_comes_behind() =>
        Assert.Equal("/p2p-circuit", Sort(TestPeers.Id(1), TestPeers.Id(2), [Multiaddr.Parse("/p2p-circuit"), .. Ways()])[^1].ToString());

    private static IReadOnlyList<Multiaddr> Sort(PeerId self, PeerId target, IEnumerable<Multiaddr> ways) => RelayOrder.Sort(self, target, ways, []);

    private static IEnumerable<Multiaddr> Ways(string at = "/ip4/198.97.3.7/tcp/1") => Relays.Select(relay => Way(relay, at));

    private static Multiaddr Way(PeerId relay, string at = "/ip4/198.97.3.7/tcp/1") => RelayedAddress.Through(Multiaddr.Parse(at), relay)!;

    private static PeerId RelayOf(Multiaddr way) => RelayedAddress.TryParse(way, out RelayedAddress? parsed) ? parsed.Relay : throw new ArgumentException(way.ToString());
}
