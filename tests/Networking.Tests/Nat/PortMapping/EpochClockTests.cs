using CsCheck;
using P2PLearn.Networking.Nat.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>RFC 6886, 3.6 and RFC 6887, 8.5.</summary>
public sealed class EpochClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_first_epoch_is_believed_whatever_it_is()
    {
        Assert.True(new EpochClock(EpochClock.PcpRule).Observe(uint.MaxValue, Start));
        Assert.True(new EpochClock(EpochClock.NatPmpRule).Observe(0, Start));
    }

    [Theory]
    [InlineData(1000, 1100, 100, true)]
    [InlineData(1000, 1086, 100, true)] // 7/8 of our time, less 2 s: 1085.5
    [InlineData(1000, 1085, 100, false)]
    [InlineData(1000, 998, 0, true)]
    [InlineData(1000, 997, 0, false)]
    [InlineData(1000, 0, 3600, false)] // restarted
    [InlineData(1000, 9000, 100, true)] // a fast clock loses nothing
    [InlineData(uint.MaxValue, 0, 0, false)]
    public void NAT_PMP_takes_a_low_epoch_for_a_restart(uint before, uint now, double elapsed, bool kept) =>
        Assert.Equal(kept, EpochClock.NatPmpRule(before, now, elapsed));

    [Theory]
    [InlineData(1000, 1100, 100, true)]
    [InlineData(1000, 999, 0, true)] // two answers that overtook each other
    [InlineData(1000, 998, 0, false)]
    [InlineData(1000, 1092, 100, true)] // 1/16 and 2 s behind: 91.75
    [InlineData(1000, 1091, 100, false)]
    [InlineData(1000, 1108, 100, true)] // 102 against 108 - 108/16 = 101.25
    [InlineData(1000, 1109, 100, false)]
    [InlineData(1000, 0, 3600, false)]
    [InlineData(1000, uint.MaxValue, 100, false)]
    [InlineData(1000, 1100, -3600, false)] // our own clock was set back
    public void PCP_takes_two_clocks_that_drift_apart_for_a_restart(uint before, uint now, double elapsed, bool kept) =>
        Assert.Equal(kept, EpochClock.PcpRule(before, now, elapsed));

    [Fact]
    public void An_epoch_that_goes_back_is_told_once()
    {
        var clock = new EpochClock(EpochClock.PcpRule);
        clock.Observe(5000, Start);
        Assert.False(clock.Observe(3, Start.AddSeconds(60)));
        Assert.True(clock.Observe(63, Start.AddSeconds(120)));
    }

    [Fact]
    public void A_gateway_that_counts_like_us_never_seems_to_restart() =>
        Gen.Select(Gen.UInt[0, uint.MaxValue / 2], Gen.Int[0, 1_000_000]).Sample((before, elapsed) =>
            EpochClock.PcpRule(before, before + (uint)elapsed, elapsed) && EpochClock.NatPmpRule(before, before + (uint)elapsed, elapsed));
}
