using System.Net;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.TestKit;
using static P2PLearn.Networking.Swarm.Limits.ResourceGate;

namespace P2PLearn.Networking.Tests.Swarm.Limits;

public sealed class ResourceGateTests
{
    private static readonly IPAddress Ip = IPAddress.Parse("192.0.2.1");
    private static readonly ProtocolId Protocol = new("/test/1.0.0");
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Connections_in_all_are_limited_over_both_directions()
    {
        ResourceGate gate = Create(new() { MaxConnections = 2 });
        Assert.Equal(ResourceLimit.None, gate.TryDial(out ConnectionTicket? first));
        Assert.Equal(ResourceLimit.None, gate.TryAccept(Ip, out _));

        Assert.Equal(ResourceLimit.Connections, gate.TryDial(out ConnectionTicket? none));
        Assert.Equal(ResourceLimit.Connections, gate.TryAccept(Ip, out _));
        Assert.Null(none);

        first!.Dispose();
        Assert.Equal(ResourceLimit.None, gate.TryDial(out _));
    }

    [Fact]
    public void Inbound_connections_leave_room_for_dials()
    {
        ResourceGate gate = Create(new() { MaxInboundConnections = 1 });
        gate.TryAccept(Ip, out _);

        Assert.Equal(ResourceLimit.InboundConnections, gate.TryAccept(Ip, out _));
        Assert.Equal(ResourceLimit.None, gate.TryDial(out _));
    }

    [Fact]
    public void Connections_of_an_ip_are_limited_and_given_back()
    {
        ResourceGate gate = Create(new() { MaxConnectionsPerIp = 1 });
        gate.TryAccept(Ip, out ConnectionTicket? first);

        Assert.Equal(ResourceLimit.ConnectionsPerIp, gate.TryAccept(Ip, out _));
        Assert.Equal(ResourceLimit.None, gate.TryAccept(IPAddress.Parse("192.0.2.2"), out _));
        Assert.Equal(ResourceLimit.None, gate.TryAccept(null, out _)); // a transport without IPs

        first!.Dispose();
        first.Dispose();
        Assert.Equal(ResourceLimit.None, gate.TryAccept(Ip, out _));
        Assert.Equal(ResourceLimit.ConnectionsPerIp, gate.TryAccept(Ip, out _));
    }

    [Theory]
    [InlineData("2001:db8:1:2:3::4", "2001:db8:1:2::")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("192.0.2.1", "192.0.2.1")]
    public void An_ipv6_customer_counts_as_one(string address, string group) =>
        Assert.Equal(IPAddress.Parse(group), Group(IPAddress.Parse(address)));

    [Fact]
    public void Half_open_upgrades_are_limited_until_the_peer_is_known()
    {
        ResourceGate gate = Create(new() { MaxHalfOpenUpgrades = 1 });
        gate.TryAccept(Ip, out ConnectionTicket? first);
        Assert.Equal(ResourceLimit.HalfOpenUpgrades, gate.TryAccept(Ip, out _));

        Assert.Equal(ResourceLimit.None, first!.TryBindPeer(TestPeers.Id(1)));
        Assert.Equal(ResourceLimit.None, gate.TryAccept(Ip, out ConnectionTicket? second));

        second!.Dispose(); // failed half way
        Assert.Equal(ResourceLimit.None, gate.TryAccept(Ip, out _));
    }

    [Fact]
    public void An_ip_may_connect_so_often_and_no_more()
    {
        ResourceGate gate = Create(new() { InboundBurstPerIp = 2, InboundPerSecondPerIp = 1 });
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(ResourceLimit.None, gate.TryAccept(Ip, out ConnectionTicket? ticket));
            ticket!.Dispose();
        }

        Assert.Equal(ResourceLimit.InboundRatePerIp, gate.TryAccept(Ip, out _));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(ResourceLimit.None, gate.TryAccept(Ip, out _));
        Assert.Equal(ResourceLimit.InboundRatePerIp, gate.TryAccept(Ip, out _));
    }

    [Fact]
    public void Connections_with_a_peer_are_limited()
    {
        ResourceGate gate = Create(new() { MaxConnectionsPerPeer = 1 });
        gate.TryDial(out ConnectionTicket? first);
        gate.TryAccept(Ip, out ConnectionTicket? second);
        Assert.Equal(ResourceLimit.None, first!.TryBindPeer(TestPeers.Id(1)));

        Assert.Equal(ResourceLimit.ConnectionsPerPeer, second!.TryBindPeer(TestPeers.Id(1)));
        Assert.Equal(ResourceLimit.None, second.TryBindPeer(TestPeers.Id(2)));
    }

    [Fact]
    public void Streams_of_a_connection_are_limited()
    {
        ConnectionTicket connection = Connected(Create(new() { MaxStreamsPerConnection = 1 }), 1);
        connection.TryOpenStream(out StreamTicket? first);

        Assert.Equal(ResourceLimit.StreamsPerConnection, connection.TryOpenStream(out _));
        first!.Dispose();
        first.Dispose();
        Assert.Equal(ResourceLimit.None, connection.TryOpenStream(out _));
        Assert.Equal(ResourceLimit.StreamsPerConnection, connection.TryOpenStream(out _));
    }

    [Fact]
    public void Streams_of_a_peer_are_limited_over_its_connections()
    {
        ResourceGate gate = Create(new() { MaxStreamsPerPeer = 2 });
        ConnectionTicket first = Connected(gate, 1);
        ConnectionTicket second = Connected(gate, 1);
        first.TryOpenStream(out _);
        second.TryOpenStream(out _);

        Assert.Equal(ResourceLimit.StreamsPerPeer, first.TryOpenStream(out _));
        Assert.Equal(ResourceLimit.StreamsPerPeer, second.TryOpenStream(out _));
        Assert.Equal(ResourceLimit.None, Connected(gate, 2).TryOpenStream(out _));
    }

    [Fact]
    public void Streams_in_all_are_limited()
    {
        ResourceGate gate = Create(new() { MaxStreams = 2 });
        Connected(gate, 1).TryOpenStream(out _);
        Connected(gate, 2).TryOpenStream(out _);

        Assert.Equal(ResourceLimit.Streams, Connected(gate, 3).TryOpenStream(out _));
    }

    [Fact]
    public void Streams_of_a_protocol_are_limited_for_each_peer()
    {
        ResourceGate gate = Create(new());
        ConnectionTicket one = Connected(gate, 1);
        one.TryOpenStream(out StreamTicket? first);
        one.TryOpenStream(out StreamTicket? second);
        Connected(gate, 2).TryOpenStream(out StreamTicket? other);
        Assert.Equal(ResourceLimit.None, first!.TryBindProtocol(Protocol, 1));

        Assert.Equal(ResourceLimit.StreamsPerProtocol, second!.TryBindProtocol(Protocol, 1));
        Assert.Equal(ResourceLimit.None, second.TryBindProtocol(new ProtocolId("/other/1.0.0"), 1));
        Assert.Equal(ResourceLimit.None, other!.TryBindProtocol(Protocol, 1));
    }

    [Fact]
    public void Nothing_is_left_when_everything_is_given_back_even_streams_that_nobody_disposed()
    {
        ResourceGate gate = Create(new());
        gate.TryAccept(Ip, out ConnectionTicket? inbound);
        inbound!.TryBindPeer(TestPeers.Id(1));
        inbound.TryOpenStream(out StreamTicket? forgotten);
        forgotten!.TryBindProtocol(Protocol, 1);
        inbound.TryOpenStream(out StreamTicket? given);
        given!.Dispose();

        inbound.Dispose();
        forgotten.Dispose(); // too late, and harmless

        Assert.Equal((0, 0, 0), (gate.ConnectionCount, gate.StreamCount, gate.EntryCount));
        Assert.NotEqual(ResourceLimit.None, inbound.TryOpenStream(out _));
        Assert.NotEqual(ResourceLimit.None, forgotten.TryBindProtocol(Protocol, 1));
    }

    [Fact]
    public void Limits_below_one_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ResourceLimits { MaxConnections = 0 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new ResourceLimits { MaxStreamsPerProtocol = -1 }.Validate());
        new ResourceLimits().Validate();
    }

    [Fact]
    public void The_rate_limiter_forgets_the_idle_and_holds_no_more_than_its_bound()
    {
        var limiter = new IpRateLimiter(burst: 2, perSecond: 1, _time);
        for (int i = 0; i < IpRateLimiter.MaxEntries; i++)
        {
            Assert.True(limiter.TryTake(new IPAddress(i)));
        }

        Assert.False(limiter.TryTake(new IPAddress(0xffff_fffeL))); // full, and nobody is idle yet
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(limiter.TryTake(new IPAddress(0xffff_fffeL)));
        Assert.Equal(1, limiter.Count);
    }

    private ResourceGate Create(ResourceLimits limits) => new(limits, _time);

    private static ConnectionTicket Connected(ResourceGate gate, int peer)
    {
        Assert.Equal(ResourceLimit.None, gate.TryDial(out ConnectionTicket? ticket));
        Assert.Equal(ResourceLimit.None, ticket!.TryBindPeer(TestPeers.Id(peer)));
        return ticket;
    }
}
