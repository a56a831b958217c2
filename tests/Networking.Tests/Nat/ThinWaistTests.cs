using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;

namespace P2PLearn.Networking.Tests.Nat;

public sealed class ThinWaistTests
{
    [Theory]
    [InlineData("/ip4/11.1.2.3/tcp/4001", "11.1.2.3:4001")]
    [InlineData("/ip6/2a00::1/tcp/4001", "[2a00::1]:4001")]
    [InlineData("/ip6/::ffff:11.1.2.3/tcp/4001", "11.1.2.3:4001")]
    [InlineData("/ip4/11.1.2.3/tcp/0", null)]
    [InlineData("/ip4/0.0.0.0/tcp/4001", null)]
    [InlineData("/ip6/::/tcp/4001", null)]
    [InlineData("/ip4/11.1.2.3/udp/4001/quic-v1", null)]
    [InlineData("/ip4/11.1.2.3/tcp/4001/ws", null)]
    [InlineData("/dns4/example.org/tcp/4001", null)]
    [InlineData("/memory/7", null)]
    public void Only_an_ip_and_a_tcp_port_are_read(string address, string? expected)
    {
        Assert.Equal(expected is not null, ThinWaist.TryGet(Multiaddr.Parse(address), out IPEndPoint? end));
        Assert.Equal(expected, end?.ToString());
    }

    [Fact]
    public void Observers_and_networks_are_what_one_owner_may_hold()
    {
        Assert.Equal("2a00:1:2:3::", ThinWaist.Observer(IPAddress.Parse("2a00:1:2:3:4:5:6:7")).ToString());
        Assert.Equal("2a00:1:2::", ThinWaist.Network(IPAddress.Parse("2a00:1:2:3:4:5:6:7")).ToString());
        Assert.Equal("11.1.2.0", ThinWaist.Network(IPAddress.Parse("11.1.2.3")).ToString());
        Assert.Equal("11.1.2.0", ThinWaist.Network(IPAddress.Parse("::ffff:11.1.2.3")).ToString());
    }

    [Fact]
    public void Many_of_one_network_weigh_as_much_as_few()
    {
        IEnumerable<IPAddress> crowd = Enumerable.Range(1, 50).Select(i => IPAddress.Parse($"11.1.1.{i}"));
        Assert.Equal(2, ThinWaist.Weigh(crowd, 2));
        Assert.Equal(4, ThinWaist.Weigh([.. crowd, IPAddress.Parse("11.2.0.1"), IPAddress.Parse("11.3.0.1")], 2));
    }
}
