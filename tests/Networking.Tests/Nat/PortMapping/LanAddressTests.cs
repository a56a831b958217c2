using System.Net;
using P2PLearn.Networking.Nat.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>What a gateway may make us fetch: itself.</summary>
public sealed class LanAddressTests
{
    private static readonly IPAddress Gateway = IPAddress.Parse("192.168.1.1");

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("172.16.0.1", true)]
    [InlineData("172.32.0.1", false)]
    [InlineData("192.168.255.254", true)]
    [InlineData("169.254.1.1", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("8.8.8.8", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::1", false)]
    [InlineData("fe80::1", false)]
    public void Private_and_link_local_addresses_are_of_the_LAN(string address, bool isLan) =>
        Assert.Equal(isLan, LanAddress.IsLan(IPAddress.Parse(address)));

    [Theory]
    [InlineData("http://192.168.1.1/rootDesc.xml")]
    [InlineData("http://192.168.1.1:49152/rootDesc.xml")]
    public void The_gateway_itself_may_be_fetched(string url) => Assert.True(LanAddress.MayFetch(new Uri(url), Gateway, new()));

    [Theory]
    [InlineData("https://192.168.1.1/")]
    [InlineData("ftp://192.168.1.1/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://192.168.1.2/")]
    [InlineData("http://8.8.8.8/")]
    [InlineData("http://127.0.0.1:4001/")]
    [InlineData("http://router.lan/")]
    [InlineData("http://localhost/")]
    [InlineData("http://[::ffff:192.168.1.1]/")]
    [InlineData("http://user:word@192.168.1.1/")]
    [InlineData("http://192.168.1.1@8.8.8.8/")]
    [InlineData("http://192.168.1.1.example.org/")]
    [InlineData("/relative")]
    public void Nothing_else_may(string url) =>
        Assert.False(LanAddress.MayFetch(new Uri(url, UriKind.RelativeOrAbsolute), Gateway, new()));

    [Fact]
    public void A_gateway_outside_the_private_ranges_has_to_be_given_by_the_operator()
    {
        var gateway = IPAddress.Parse("11.1.1.1");
        Assert.False(LanAddress.MayFetch(new Uri("http://11.1.1.1/"), gateway, new()));
        Assert.True(LanAddress.MayFetch(new Uri("http://11.1.1.1/"), gateway, new() { Gateways = [gateway] }));
        Assert.False(LanAddress.MayFetch(new Uri("http://11.1.1.2/"), gateway, new() { Gateways = [gateway] }));
    }
}
