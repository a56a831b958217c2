using System.Net;
using P2PLearn.Networking.Nat.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

public sealed class LeaseTimeTests
{
    private static readonly PortMapperOptions Options = new();

    [Theory]
    [InlineData(10, 10)]
    [InlineData(7_200, 7_200)]
    [InlineData(86_400, 86_400)]
    [InlineData(86_401, 86_400)]
    [InlineData(uint.MaxValue, 86_400)]
    public void A_long_lifetime_is_cut_to_a_day(uint seconds, int relied)
    {
        var grant = Assert.IsType<MapAnswer.Granted>(LeaseTime.Grant(IPAddress.Loopback, 4001, seconds, Options));
        Assert.Equal(relied, grant.Lifetime.TotalSeconds);
        Assert.False(grant.IsPermanent);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void A_lifetime_of_next_to_nothing_is_a_refusal(uint seconds) => Assert.Equal(
        $"granted for {seconds} s only",
        Assert.IsType<MapAnswer.Refused>(LeaseTime.Grant(IPAddress.Loopback, 4001, seconds, Options)).Reason);

    [Fact]
    public void A_lifetime_is_asked_for_in_whole_seconds()
    {
        Assert.Equal(7200u, LeaseTime.ToSeconds(TimeSpan.FromHours(2)));
        Assert.Equal(1u, LeaseTime.ToSeconds(TimeSpan.FromMilliseconds(1)));
        Assert.Equal(uint.MaxValue, LeaseTime.ToSeconds(TimeSpan.MaxValue));
    }
}
