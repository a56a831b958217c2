using System.Net;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Protocols.Mesh;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

public sealed class MdnsOptionsTests
{
    public static TheoryData<MdnsOptions> Impossible =>
    [
        new MdnsOptions { ServiceName = "" },
        new MdnsOptions { ServiceName = "a..b" },
        new MdnsOptions { ServiceName = string.Join('.', Enumerable.Repeat(new string('a', 60), 4)) },
        new MdnsOptions { Port = 0 },
        new MdnsOptions { Port = 65_536 },
        new MdnsOptions { QueryInterval = TimeSpan.Zero },
        new MdnsOptions { QueryInterval = TimeSpan.FromHours(2) },
        new MdnsOptions { MaxPacketsPerSecond = 0 },
        new MdnsOptions { FirstQueryWait = TimeSpan.FromMinutes(2) },
        new MdnsOptions { MinAnswerDelay = TimeSpan.FromSeconds(1) },
        new MdnsOptions { AnswerTtl = TimeSpan.FromSeconds(1) },
        new MdnsOptions { AnswerTtl = TimeSpan.FromDays(1) },
        new MdnsOptions { MaxPeers = 0 },
        new MdnsOptions { MaxAnswerBytes = 100 },
        new MdnsOptions { MaxAnswerBytes = 9_001 },
    ];

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Options_that_cannot_work_are_refused(MdnsOptions options) => Assert.ThrowsAny<ArgumentException>(options.Validate);

    [Fact]
    public void The_defaults_work() => new MdnsOptions().Validate();

    [Fact]
    public void A_mesh_with_a_key_has_a_service_of_its_own()
    {
        Assert.True(MeshKey.TryParse(new string('a', 52), out MeshKey? key));
        Assert.Equal("_p2p._udp.local", MdnsServiceName.ForMesh(new MeshOptions { Name = "home" }));
        string home = MdnsServiceName.ForMesh(new MeshOptions { Name = "home", Key = key });
        Assert.Equal("_p2p-625b992bada152466625365e566f813a._udp.local", home);
        new MdnsOptions { ServiceName = home }.Validate();
        Assert.NotEqual(home, MdnsServiceName.ForMesh(new MeshOptions { Name = "work", Key = key }));
        Assert.NotEqual(home, MdnsServiceName.ForMesh(new MeshOptions { Name = "home", Key = MeshKey.Generate() }));
    }

    [Theory]
    [InlineData("192.0.2.77", 24, "192.0.2.0/24")]
    [InlineData("192.0.2.77", 32, "192.0.2.77/32")]
    [InlineData("192.0.2.77", 0, "0.0.0.0/0")]
    [InlineData("192.0.2.77", 30, "192.0.2.76/30")]
    [InlineData("2001:db8:1:2:3::4", 64, "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:2:3::4", 999, "2001:db8:1:2:3::4/128")]
    public void A_subnet_is_the_address_without_the_bits_behind_the_prefix(string address, int prefix, string expected) =>
        Assert.Equal(IPNetwork.Parse(expected), MdnsLinks.Subnet(IPAddress.Parse(address), prefix));

    [Fact]
    public void The_loopback_interface_is_used_only_when_asked_for()
    {
        Assert.DoesNotContain(MdnsLinks.Find(new MdnsOptions())!, l => l.IsLoopback);
        IReadOnlyList<MdnsLink> links = MdnsLinks.Find(new MdnsOptions { IncludeLoopback = true, MaxInterfaces = 64 })!;
        MdnsLink loopback = Assert.Single(links, l => l.IsLoopback);
        Assert.True(loopback is { HasIPv4: true, HasIPv6: false });
        Assert.True(loopback.IsOnLink(IPAddress.Loopback));
        Assert.All(loopback.OwnAddresses, a => Assert.True(loopback.IsOnLink(a) && loopback.IsOwn(a)));
        Assert.False(loopback.IsOwn(IPAddress.Parse("203.0.113.77")));
        Assert.Single(MdnsLinks.Find(new MdnsOptions { IncludeLoopback = true, MaxInterfaces = 1 })!);
    }
}
