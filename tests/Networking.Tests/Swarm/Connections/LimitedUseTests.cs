using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Swarm.Connections;

public sealed class LimitedUseTests
{
    private static readonly LinkLimit Small = new(TimeSpan.FromMinutes(2), 128 * 1024);

    [Theory]
    [InlineData("/ipfs/id/1.0.0")]
    [InlineData("/ipfs/id/push/1.0.0")]
    [InlineData("/ipfs/ping/1.0.0")]
    [InlineData("/libp2p/dcutr")]
    public void The_standard_protocols_may_use_any_connection(string protocol) =>
        Assert.True(new LimitedUse(new Dictionary<string, long>()).Allows(protocol, Small));

    [Fact]
    public void Others_have_to_opt_in_and_get_what_they_need_at_least()
    {
        var use = new LimitedUse(new Dictionary<string, long> { ["/small"] = 0, ["/bulk"] = 1 << 20 });

        Assert.True(use.Allows("/small", Small));
        Assert.False(use.Allows("/bulk", Small));
        Assert.True(use.Allows("/bulk", new LinkLimit(TimeSpan.FromHours(1), 1 << 20)));
        Assert.True(use.Allows("/bulk", new LinkLimit(TimeSpan.FromHours(1), null)));
        Assert.False(use.Allows("/other", new LinkLimit(null, null)));
        Assert.True(use.Allows("/other", null));
    }
}
