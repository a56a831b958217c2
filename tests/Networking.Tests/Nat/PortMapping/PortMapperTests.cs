using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Nat.PortMapping;
using P2PLearn.TestKit;
using Mapping = P2PLearn.Networking.Nat.PortMapping.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>Whole mappers against a router on loopback sockets.</summary>
public sealed class PortMapperTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData(PortMappingProtocol.Pcp, 7200)]
    [InlineData(PortMappingProtocol.NatPmp, 7200)]
    [InlineData(PortMappingProtocol.Upnp, 3600)]
    public async Task Each_protocol_maps_and_removes_at_the_end(PortMappingProtocol protocol, int seconds)
    {
        await using FakeGateway gateway = Speaking(protocol);
        await using (var mapper = new RunningMapper(gateway.Options, _time))
        {
            Mapping mapping = await mapper.MappedAsync();
            Assert.Equal(
                new Mapping(protocol, FakeGateway.Address, gateway.External, 4001, 4001, _time.GetUtcNow().AddSeconds(seconds)), mapping);
            Assert.Null(mapper.Mapper.Problem);
            Assert.Equal(4001, gateway.Mappings[4001]);
        }

        Assert.Empty(gateway.Mappings);
    }

    [Theory]
    [InlineData(PortMappingProtocol.Pcp, "pcp map 4001 4001 7200", 3600)]
    [InlineData(PortMappingProtocol.NatPmp, "pmp map 4001 4001 7200", 3600)]
    [InlineData(PortMappingProtocol.Upnp, "upnp AddPortMapping 4001 3600", 1800)]
    public async Task A_mapping_is_renewed_at_half_its_life(PortMappingProtocol protocol, string request, int halfLife)
    {
        await using FakeGateway gateway = Speaking(protocol);
        await using var mapper = new RunningMapper(gateway.Options with { CheckInterval = TimeSpan.FromDays(1) }, _time);
        Mapping first = await mapper.MappedAsync();
        DateTimeOffset start = _time.GetUtcNow();
        bool IsRenewed() => mapper.Mapper.Mappings.Any(m => m.Expires > first.Expires);
        await RunningMapper.PassAsync(_time, TimeSpan.FromSeconds(60), IsRenewed, "a later end");
        Assert.True(_time.GetUtcNow() >= start.AddSeconds(halfLife), "not before its time");
        Assert.True(gateway.Log.Count(r => r == request) >= 2, "the same request again");
    }

    [Theory]
    [InlineData(PortMappingProtocol.Pcp)]
    [InlineData(PortMappingProtocol.NatPmp)]
    [InlineData(PortMappingProtocol.Upnp)]
    public async Task A_router_that_restarts_is_asked_anew_at_the_next_check(PortMappingProtocol protocol)
    {
        await using FakeGateway gateway = Speaking(protocol);
        await using var mapper = new RunningMapper(gateway.Options, _time);
        await mapper.MappedAsync();
        DateTimeOffset restarted = _time.GetUtcNow();
        gateway.Restart();
        await RunningMapper.PassAsync(_time, TimeSpan.FromSeconds(10), () => gateway.Mappings.ContainsKey(4001), "the mapping is back");
        Assert.True(_time.GetUtcNow() - restarted < TimeSpan.FromMinutes(20), "long before the renewal");
    }

    [Fact]
    public async Task An_announcement_of_a_restart_is_acted_on_at_once()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.NatPmp);
        int port = FreeUdpPort();
        await using var mapper = new RunningMapper(gateway.Options with { AnnouncementPort = port }, _time);
        await mapper.MappedAsync();
        _time.Advance(TimeSpan.FromSeconds(60));
        gateway.Restart();
        await Within.UntilAsync(
            () =>
            {
                gateway.Announce(port); // again, since the first may come before the mapper listens
                return gateway.Mappings.ContainsKey(4001);
            },
            "the mapping is back");
    }

    [Theory]
    [InlineData(PortMappingProtocol.NatPmp)]
    [InlineData(PortMappingProtocol.Upnp)]
    public async Task A_changed_external_address_is_told_at_the_next_check(PortMappingProtocol protocol)
    {
        await using FakeGateway gateway = Speaking(protocol);
        await using var mapper = new RunningMapper(gateway.Options, _time);
        await mapper.MappedAsync();
        gateway.External = IPAddress.Parse("11.77.67.99");
        bool IsTold() => mapper.Mapper.Mappings.Any(m => m.ExternalAddress.Equals(gateway.External));
        await RunningMapper.PassAsync(_time, TimeSpan.FromSeconds(10), IsTold, "the new address");
    }

    [Theory]
    [InlineData(PortMappingProtocol.Pcp, 1)]
    [InlineData(PortMappingProtocol.NatPmp, 1)]
    [InlineData(PortMappingProtocol.Upnp, 2)]
    public async Task Another_external_port_is_taken_when_ours_is(PortMappingProtocol protocol, int igd)
    {
        await using FakeGateway gateway = Speaking(protocol, igd);
        gateway.TakenPorts.Add(4001);
        await using (var mapper = new RunningMapper(gateway.Options, _time))
        {
            Mapping mapping = await mapper.MappedAsync();
            Assert.Equal((5001, 4001), (mapping.ExternalPort, mapping.InternalPort));
        }

        Assert.Empty(gateway.Mappings);
    }

    [Fact]
    public async Task A_version_1_router_is_offered_other_ports_by_chance()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.Upnp);
        gateway.TakenPorts.Add(4001);
        await using var mapper = new RunningMapper(gateway.Options, _time);
        Assert.InRange((await mapper.MappedAsync()).ExternalPort, 20_000, 39_999);
    }

    [Fact]
    public async Task A_router_with_permanent_leases_only_gets_one_and_gives_it_back()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksUpnp = true, OnlyPermanentLeases = true };
        await using (var mapper = new RunningMapper(gateway.Options, _time))
        {
            Assert.Equal(DateTimeOffset.MaxValue, (await mapper.MappedAsync()).Expires);
            Assert.Contains("upnp AddPortMapping 4001 3600", gateway.Log);
            Assert.Contains("upnp AddPortMapping 4001 0", gateway.Log);
        }

        Assert.Empty(gateway.Mappings);
    }

    [Fact]
    public async Task PCP_goes_before_NAT_PMP_and_nothing_is_mapped_twice()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = true, SpeaksNatPmp = true };
        await using var mapper = new RunningMapper(gateway.Options, _time);
        Assert.Equal(PortMappingProtocol.Pcp, (await mapper.MappedAsync()).Protocol);
        Assert.Single(gateway.Log, r => r.Contains("map", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_router_that_knows_NAT_PMP_only_says_so_and_is_asked_by_it()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksNatPmp = true };
        await using var mapper = new RunningMapper(gateway.Options with { EnablePcp = true }, _time);
        Assert.Equal(PortMappingProtocol.NatPmp, (await mapper.MappedAsync()).Protocol);
    }

    [Fact]
    public async Task A_router_that_refuses_one_protocol_is_asked_by_the_next()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = true, SpeaksUpnp = true, Result = 2 };
        await using var mapper = new RunningMapper(gateway.Options, _time);
        Assert.Equal(PortMappingProtocol.Upnp, (await mapper.MappedAsync()).Protocol);
    }

    [Fact]
    public async Task A_router_that_refuses_all_says_why()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = true, SpeaksNatPmp = true, SpeaksUpnp = true, Result = 2, UpnpError = 606 };
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromSeconds(1) }, TimeProvider.System);
        Assert.Equal(
            "gateway 127.0.0.1 refused: PCP: not authorized; NAT-PMP: not authorized: switched off in the gateway's settings; "
            + "UPnP: not authorized: this machine may not map ports",
            await mapper.ProblemAsync("refused"));
        Assert.Empty(mapper.Mapper.Mappings);
    }

    [Fact]
    public async Task A_router_without_a_public_address_is_told_as_that_whatever_else_it_says()
    {
        await using var gateway = new FakeGateway(_time) { SpeaksPcp = true, SpeaksUpnp = true, Result = 7, UpnpError = 501 };
        await using var mapper = new RunningMapper(gateway.Options with { SsdpTimeout = TimeSpan.FromSeconds(1) }, TimeProvider.System);
        Assert.Equal(
            "gateway 127.0.0.1 has no public address: its line is down, or another NAT (such as the provider's carrier-grade NAT) is behind it",
            await mapper.ProblemAsync("no public address"));
    }

    [Fact]
    public async Task A_gateway_that_is_silent_is_told_and_searched_again()
    {
        await using var gateway = new FakeGateway { SpeaksPcp = true, SpeaksNatPmp = true, SpeaksUpnp = true, IsSilent = true };
        PortMapperOptions options = gateway.Options with
        {
            FirstRetryPause = TimeSpan.FromMilliseconds(10),
            SsdpTimeout = TimeSpan.FromMilliseconds(100),
            FirstSearchPause = TimeSpan.FromMilliseconds(50),
        };
        await using var mapper = new RunningMapper(options);
        Assert.Equal(
            "gateway 127.0.0.1 did not answer PCP, NAT-PMP or UPnP: switched off in its settings, or not supported",
            await mapper.ProblemAsync("did not answer"));
        gateway.IsSilent = false;
        await mapper.MappedAsync();
        Assert.Null(mapper.Mapper.Problem);
    }

    [Theory]
    [InlineData(PortMappingProtocol.Pcp)]
    [InlineData(PortMappingProtocol.NatPmp)]
    [InlineData(PortMappingProtocol.Upnp)]
    public async Task A_private_external_address_is_told_as_carrier_grade_NAT(PortMappingProtocol protocol)
    {
        await using FakeGateway gateway = Speaking(protocol);
        gateway.External = IPAddress.Parse("100.72.1.2");
        await using (var mapper = new RunningMapper(gateway.Options, _time))
        {
            Assert.Equal(
                "gateway 127.0.0.1's external address 100.72.1.2 is itself private: another NAT (such as the provider's "
                + "carrier-grade NAT) is behind it, and a port mapped there cannot be reached from outside",
                await mapper.ProblemAsync("itself private"));
            Assert.Empty(mapper.Mapper.Mappings);
        }

        Assert.Empty(gateway.Mappings);
    }

    [Fact]
    public async Task A_machine_with_a_public_address_asks_nobody()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.Pcp);
        await using var mapper = new RunningMapper(
            gateway.Options with { PublicAddresses = P2PLearn.Networking.Multiformats.AddressRule.Everything }, _time);
        Assert.Equal(
            "this machine's own address 127.0.0.1 is public: it needs no port mapping", await mapper.ProblemAsync("public"));
        Assert.Empty(gateway.Log);
    }

    [Fact]
    public async Task Without_a_gateway_or_a_protocol_there_is_nobody_to_ask()
    {
        await using var none = new RunningMapper(new PortMapperOptions { Gateways = [], AnnouncementPort = 0 });
        Assert.Equal("this machine has no IPv4 default gateway to ask", await none.ProblemAsync("no IPv4"));
        await using var off = new RunningMapper(new PortMapperOptions { EnablePcp = false, EnableNatPmp = false, EnableUpnp = false });
        Assert.Equal("port mapping is switched off", off.Mapper.Problem);
    }

    [Fact]
    public async Task A_gateway_that_has_gone_gets_its_mapping_removed_and_the_new_one_is_asked()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.Pcp);
        var gateways = new List<IPAddress> { FakeGateway.Address };
        await using var mapper = new RunningMapper(gateway.Options with { Gateways = gateways }, _time);
        await mapper.MappedAsync();
        gateways.Clear();
        await RunningMapper.PassAsync(_time, TimeSpan.FromSeconds(10), () => gateway.Mappings.IsEmpty, "the mapping is removed");
        Assert.Equal("this machine has no IPv4 default gateway to ask", await mapper.ProblemAsync("no IPv4"));
        gateways.Add(FakeGateway.Address);
        await RunningMapper.PassAsync(_time, TimeSpan.FromSeconds(10), () => gateway.Mappings.ContainsKey(4001), "it is mapped again");
    }

    [Fact]
    public async Task The_end_does_not_wait_long_for_a_gateway_that_is_silent()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.Pcp);
        var mapper = new RunningMapper(gateway.Options with { ReleaseTimeout = TimeSpan.FromMilliseconds(50) });
        await mapper.MappedAsync();
        gateway.IsSilent = true;
        await mapper.DisposeAsync().LimitAsync("the end");
        await mapper.DisposeAsync(); // harmless
        Assert.Empty(mapper.Mapper.Mappings);
    }

    [Fact]
    public async Task A_mapping_asked_for_at_the_very_end_is_removed_too()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.Pcp);
        gateway.Datagrams = (request, answer) => request[1] == 1 && BitConverter.ToUInt32(request, 4) != 0 ? [] : [answer!];
        var mapper = new RunningMapper(gateway.Options with { FirstRetryPause = TimeSpan.FromSeconds(30) });
        await gateway.AskedAsync("pcp map 4001 4001 7200"); // mapped, but the answer is lost
        Assert.NotEmpty(gateway.Mappings);
        await mapper.DisposeAsync().LimitAsync("the end");
        Assert.Empty(gateway.Mappings);
    }

    [Fact]
    public async Task A_handler_that_throws_does_no_harm()
    {
        await using FakeGateway gateway = Speaking(PortMappingProtocol.Pcp);
        await using var mapper = new PortMapper(gateway.Options, _time, NullLoggerFactory.Instance);
        mapper.Changed += () => throw new InvalidOperationException("a bug of the caller's");
        mapper.Start(4001);
        await Within.UntilAsync(() => mapper.Mappings.Count == 1, "a mapping");
    }

    [Fact]
    public async Task It_starts_once_and_with_a_port_that_can_be()
    {
        var mapper = new PortMapper(new PortMapperOptions { Gateways = [], AnnouncementPort = 0 }, _time, NullLoggerFactory.Instance);
        Assert.Equal("port mapping has not been started", mapper.Problem);
        Assert.Throws<ArgumentOutOfRangeException>(() => mapper.Start(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => mapper.Start(65_536));
        mapper.Start(1);
        Assert.Throws<InvalidOperationException>(() => mapper.Start(1));
        await mapper.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => mapper.Start(1));
    }

    [Fact]
    public void The_systems_default_gateways_are_IPv4_and_bounded() =>
        Assert.All(DefaultGateways.Find(1).ToList(), g => Assert.Equal(System.Net.Sockets.AddressFamily.InterNetwork, g.AddressFamily));

    private FakeGateway Speaking(PortMappingProtocol protocol, int igd = 1) => new(_time)
    {
        SpeaksPcp = protocol == PortMappingProtocol.Pcp,
        SpeaksNatPmp = protocol == PortMappingProtocol.NatPmp,
        SpeaksUpnp = protocol == PortMappingProtocol.Upnp,
        IgdVersion = igd,
    };

    private static int FreeUdpPort()
    {
        using var socket = new System.Net.Sockets.UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.Client.LocalEndPoint!).Port;
    }
}
