using P2PLearn.Networking.Protocols.Relay;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayRatesTests
{
    private static readonly RelayRate Rate = new(2, TimeSpan.FromSeconds(10));

    [Fact]
    public void A_burst_then_one_for_each_interval()
    {
        var rates = new RelayRates<int>(Rate);
        Assert.Equal([true, true, false], Take(rates, 0, 0, 0));
        Assert.Equal([false, true, false], Take(rates, 9, 10, 11));
        Assert.Equal([true, true, false], Take(rates, 1000, 1000, 1000));
    }

    [Fact]
    public void The_table_is_bounded_and_forgets_those_that_lost_nothing()
    {
        var rates = new RelayRates<int>(Rate);
        for (int key = 0; key < RelayRates<int>.MaxEntries; key++)
        {
            Assert.True(rates.TryTake(key, TimeSpan.Zero));
        }

        Assert.False(rates.TryTake(-1, TimeSpan.FromSeconds(1)));
        Assert.True(rates.TryTake(0, TimeSpan.FromSeconds(1))); // the known are not held up
        Assert.True(rates.TryTake(-1, TimeSpan.FromSeconds(10)));
        Assert.Equal(2, rates.Count); // number 0 had taken two
    }

    [Fact]
    public void A_full_table_is_looked_through_once_a_second_only()
    {
        var rates = new RelayRates<int>(Rate);
        for (int key = 0; key < RelayRates<int>.MaxEntries; key++)
        {
            rates.TryTake(key, TimeSpan.Zero);
        }

        Assert.False(rates.TryTake(-1, TimeSpan.FromSeconds(9.5)));
        Assert.False(rates.TryTake(-1, TimeSpan.FromSeconds(10))); // all buckets are full, but nobody looks yet
        Assert.True(rates.TryTake(-1, TimeSpan.FromSeconds(10.5)));
    }

    private static bool[] Take(RelayRates<int> rates, params double[] seconds) =>
        [.. seconds.Select(s => rates.TryTake(1, TimeSpan.FromSeconds(s)))];
}
