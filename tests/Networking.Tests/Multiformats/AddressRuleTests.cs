using System.Net;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Multiformats;

public sealed class AddressRuleTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.1.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.0.2.1")]
    [InlineData("192.31.196.1")]
    [InlineData("192.52.193.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("192.175.48.1")]
    [InlineData("198.19.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.251")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("fe80::1")]
    [InlineData("fd00::1")]
    [InlineData("ff02::1")]
    [InlineData("2001:db8::1")]
    [InlineData("3fff::1")]
    public void Special_addresses_are_not_public(string text)
    {
        Assert.False(AddressRule.PublicInternet.Allows(IPAddress.Parse(text)));
        Assert.True(AddressRule.Everything.Allows(IPAddress.Parse(text)));
    }

    [Theory]
    [InlineData("11.77.66.1")]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("2a00:1450::1")]
    [InlineData("::ffff:8.8.8.8")]
    public void Others_are(string text) => Assert.True(AddressRule.PublicInternet.Allows(IPAddress.Parse(text)));

    [Theory]
    [InlineData("/ip4/8.8.8.8/tcp/1", true)]
    [InlineData("/ip4/127.0.0.1/tcp/1", false)]
    [InlineData("/dns4/localhost/tcp/1", true)]
    [InlineData("/dnsaddr/example.org", true)]
    [InlineData("/memory/1", false)]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/1", false)]
    public void An_address_is_judged_by_its_first_component(string text, bool expected) =>
        Assert.Equal(expected, AddressRule.PublicInternet.Allows(Multiaddr.Parse(text)));
}
