using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

public sealed class KadRatesTests
{
    private static readonly DateTimeOffset Start = KadSamples.Start;

    [Fact]
    public void A_peer_has_its_burst_and_then_waits_for_its_rate()
    {
        var rates = new KadRates(burst: 5, perSecond: 2, allPerSecond: 1_000);
        Assert.All(Enumerable.Range(0, 5), _ => Assert.Equal(TimeSpan.Zero, Wait(rates, 1, Start)));
        Assert.Equal(TimeSpan.FromSeconds(0.5), Wait(rates, 1, Start));
        Assert.Equal(TimeSpan.FromSeconds(1), Wait(rates, 1, Start));
        Assert.Equal(TimeSpan.Zero, Wait(rates, 2, Start));
        Assert.Equal(TimeSpan.Zero, Wait(rates, 1, Start.AddSeconds(1.5)));
        Assert.Equal(10, Enumerable.Range(0, 50).Count(_ => Wait(rates, 1, Start.AddSeconds(1.5)) is not null)); // 5 s of its rate
        Assert.Equal(5, Enumerable.Range(0, 50).Count(_ => Wait(rates, 1, Start.AddHours(1)) == TimeSpan.Zero));
    }

    [Fact]
    public void All_together_have_a_rate_too()
    {
        var rates = new KadRates(burst: 5, perSecond: 2, allPerSecond: 10);
        Assert.Equal(100, Enumerable.Range(0, 500).Count(i => Wait(rates, i, Start) == TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromSeconds(5), Enumerable.Range(0, 500).Max(i => Wait(rates, 500 + i, Start) ?? KadRates.MaxWait));
        Assert.Null(Wait(rates, 2_000, Start));
    }

    [Fact]
    public void It_remembers_a_bounded_number_of_peers()
    {
        var rates = new KadRates(burst: 2, perSecond: 1, allPerSecond: 1_000);
        Assert.Equal(KadRates.MaxPeers, Enumerable.Range(0, 5_000).Count(i => Wait(rates, i, Start) is not null));
        Assert.Equal(KadRates.MaxPeers, rates.Count);
        Assert.NotNull(Wait(rates, 9_999, Start.AddSeconds(1))); // all others have their burst again
        Assert.Equal(1, rates.Count);
    }

    [Fact]
    public void Of_dialled_peers_the_one_used_longest_ago_is_left_first_and_a_busy_one_never()
    {
        var dialled = new DialledPeers(max: 2);
        int[] Leave(int busy = 0) =>
            [.. dialled.Leave(p => p != KadSamples.Id(busy)).Select(p => Enumerable.Range(1, 9).Single(i => KadSamples.Id(i) == p))];
        dialled.Used(KadSamples.Id(1), dialled: true);
        dialled.Used(KadSamples.Id(2), dialled: true);
        Assert.Empty(Leave());
        dialled.Used(KadSamples.Id(1), dialled: false); // used again
        dialled.Used(KadSamples.Id(9), dialled: false); // somebody else's connection
        dialled.Used(KadSamples.Id(3), dialled: true);
        Assert.Equal([2], Leave());
        dialled.Used(KadSamples.Id(4), dialled: true);
        Assert.Equal([3], Leave(busy: 1));
        dialled.Used(KadSamples.Id(5), dialled: true);
        Assert.Equal([1], Leave());
        Assert.Empty(Leave());
    }

    [Fact]
    public void A_refresh_key_falls_into_its_bucket()
    {
        var random = new Random(7);
        KadKey self = KadKey.Of(KadSamples.Id(0));
        for (int bucket = 0; bucket <= 10; bucket++)
        {
            Assert.Equal(bucket, KadKey.Of(RefreshTarget.Find(self, bucket, random.NextBytes)).CommonPrefixLength(self));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => RefreshTarget.Find(self, 16, random.NextBytes));
    }

    private static TimeSpan? Wait(KadRates rates, int peer, DateTimeOffset now) =>
        rates.TryTake(KadSamples.Id(peer), now, out TimeSpan wait) ? wait : null;
}
