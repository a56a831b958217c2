using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;

namespace P2PLearn.Networking.Tests.Nat;

public sealed class ObservedAddressesTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly AutoNatOptions Options = new();
    private readonly ObservedAddresses _observed = new(Options, AddressRule.PublicInternet);
    private DateTimeOffset _now = Start;
    private long _connections;

    public ObservedAddressesTests() => _observed.Listen(
        [Multiaddr.Parse("/ip4/192.168.1.2/tcp/4001"), Multiaddr.Parse("/ip6/2a00::2/tcp/4001")]);

    [Fact]
    public void The_first_observer_gives_an_address_to_test_and_to_punch()
    {
        Assert.Equal(ObservationVerdict.Taken, See("11.1.0.1", "11.8.8.8:4001"));
        Assert.Equal(["11.8.8.8:4001"], Candidates);
        Assert.Equal(["/ip4/11.8.8.8/tcp/4001"], Punch);
        Assert.Equal(NatMapping.Unknown, Mapping);
    }

    [Fact]
    public void Observers_at_different_ips_that_agree_show_an_endpoint_independent_nat()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        See("11.2.0.1", "11.8.8.8:4001");
        ObservedAddress candidate = Assert.Single(_observed.Candidates(_now));
        Assert.Equal((2, 2, _now), (candidate.Observers, candidate.Networks, candidate.LastSeenAt));
        Assert.Equal(NatMapping.EndpointIndependent, Mapping);
    }

    [Fact]
    public void Observers_at_different_ips_that_see_different_ports_show_a_symmetric_nat()
    {
        See("11.1.0.1", "11.8.8.8:1001");
        See("11.2.0.1", "11.8.8.8:1002");
        Assert.Empty(Candidates);
        Assert.Equal(NatMapping.EndpointDependent, Mapping);
        Assert.Equal(2, Punch.Length); // guesses still
    }

    [Fact]
    public void Two_connections_to_one_ip_say_nothing_of_the_mapping()
    {
        See("11.1.0.1", "11.8.8.8:1001");
        See("11.1.0.1", "11.8.8.8:1002");
        Assert.Equal(["11.8.8.8:1002"], Candidates); // one observer, its latest word
        Assert.Equal(NatMapping.Unknown, Mapping);
    }

    [Fact]
    public void An_address_of_our_own_shows_that_there_is_no_nat()
    {
        _observed.Listen([Multiaddr.Parse("/ip4/11.9.9.9/tcp/4001")]);
        See("11.1.0.1", "11.9.9.9:4001", local: "11.9.9.9:4001");
        Assert.Equal(NatMapping.None, Mapping);
        Assert.Empty(Candidates); // the interface's own address is known without observers
    }

    [Fact]
    public void Each_family_is_judged_by_itself_and_the_worse_is_told()
    {
        See("2a01::1", "[2a00::2]:4001", local: "[2a00::2]:4001");
        Assert.Equal(NatMapping.None, Mapping);
        See("11.1.0.1", "11.8.8.8:1001");
        See("11.2.0.1", "11.8.8.8:1002");
        Assert.Equal(NatMapping.EndpointDependent, Mapping);
        Assert.Equal(3, Punch.Length);
    }

    [Theory]
    [InlineData("11.1.0.1", "11.8.8.8:4001", "192.168.1.2:5555", true, ObservationVerdict.NotListening)]
    [InlineData("11.1.0.1", "11.8.8.8:4001", "192.168.1.2:4001", false, ObservationVerdict.NotListening)]
    [InlineData("192.168.1.9", "11.8.8.8:4001", "192.168.1.2:4001", true, ObservationVerdict.NotPublic)]
    [InlineData("11.1.0.1", "10.8.8.8:4001", "192.168.1.2:4001", true, ObservationVerdict.NotPublic)]
    [InlineData("11.1.0.1", "[2a00::9]:4001", "192.168.1.2:4001", true, ObservationVerdict.NotPublic)]
    internal void What_can_say_nothing_of_how_the_world_sees_us_is_not_taken(
        string observer, string seen, string local, bool fromListenPort, ObservationVerdict verdict)
    {
        Assert.Equal(verdict, See(observer, seen, local, fromListenPort: fromListenPort));
        Assert.Equal(0, _observed.Count);
    }

    [Fact]
    public void Who_dialled_us_confirms_and_contradicts_nobody_whom_we_dialled()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        See("11.2.0.1", "11.8.8.8:4001", inbound: true);
        See("11.3.0.1", "11.66.66.66:6", inbound: true);
        See("11.4.0.1", "11.66.66.66:6", inbound: true);
        Assert.Equal(ObservationVerdict.Outweighed, See("11.1.0.1", "11.66.66.66:6", inbound: true));
        Assert.Equal(2, Assert.Single(_observed.Candidates(_now)).Observers);
        Assert.Equal(["11.8.8.8:4001"], Candidates);
        Assert.Equal(["/ip4/11.8.8.8/tcp/4001"], Punch);
        Assert.Equal(NatMapping.Unknown, Mapping); // what was dialled says nothing of where we come from
    }

    [Fact]
    public void While_we_have_dialled_nobody_those_that_dialled_us_name_an_address_to_test()
    {
        See("11.1.0.1", "11.8.8.8:4001", inbound: true);
        Assert.Empty(Candidates);
        See("11.2.0.1", "11.8.8.8:4001", inbound: true);
        Assert.Equal(["11.8.8.8:4001"], Candidates);
        Assert.Empty(Punch);
    }

    [Fact]
    public void One_peer_with_many_addresses_has_one_vote()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        See("11.2.0.1", "11.8.8.8:4001");
        for (int i = 1; i < 1_000; i++)
        {
            See("11.66.0.1", $"11.67.{i % 200}.{i % 250}:{i}");
        }

        Assert.Equal(3, _observed.Count);
        Assert.Equal(["11.8.8.8:4001"], Candidates);
        Assert.Equal(NatMapping.EndpointIndependent, Mapping);
        Assert.Equal("/ip4/11.8.8.8/tcp/4001", Punch[0]);
    }

    [Theory]
    [InlineData(false)] // all say the same
    [InlineData(true)] // each says something else
    public void Many_peers_of_one_network_do_not_outvote_three_of_different_ones(bool different)
    {
        for (int i = 1; i < 250; i++)
        {
            See($"11.66.0.{i}", $"11.67.0.1:{(different ? i : 6)}");
        }

        for (int i = 1; i <= 3; i++)
        {
            See($"11.{i}.0.1", "11.8.8.8:4001");
        }

        Assert.Equal(["11.8.8.8:4001"], Candidates);
        Assert.Equal(NatMapping.EndpointIndependent, Mapping);
        Assert.Equal("/ip4/11.8.8.8/tcp/4001", Punch[0]);
        Assert.Equal(ObservedAddresses.MaxPerNetwork + 3, _observed.Count);
    }

    [Fact]
    public void One_network_is_believed_while_nobody_else_speaks()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        See("11.1.0.2", "11.8.8.8:4001");
        Assert.Equal(NatMapping.EndpointIndependent, Mapping);
        Assert.Equal(2, Assert.Single(_observed.Candidates(_now)).Observers);
    }

    [Fact]
    public void An_ipv6_customer_is_one_observer_however_many_addresses_it_takes()
    {
        See("2a01::1", "[2a00::2]:4001", local: "[2a00::2]:4001");
        See("2a01::2", "[2a00::2]:4001", local: "[2a00::2]:4001");
        Assert.Equal(1, _observed.Count);
    }

    [Fact]
    public void At_most_three_addresses_come_of_one_we_listen_on()
    {
        for (int address = 1; address <= 5; address++)
        {
            for (int observer = 1; observer <= 2 + (address % 2); observer++)
            {
                See($"11.{address}.{observer}.1", $"11.8.8.{address}:4001");
            }
        }

        Assert.Equal(["11.8.8.1:4001", "11.8.8.3:4001", "11.8.8.5:4001"], Candidates); // the most seen
        Assert.Equal(3, Punch.Length);
    }

    [Fact]
    public void A_vote_lives_with_its_connection_and_a_while_longer()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        _now += TimeSpan.FromDays(1);
        Assert.Single(Candidates);
        _observed.Closed(_connections, _now);
        _now += Options.ObservationLifetime - TimeSpan.FromSeconds(1);
        Assert.Single(Candidates);
        _now += TimeSpan.FromSeconds(1);
        Assert.Empty(Candidates);
        Assert.Empty(Punch);
        Assert.Equal(NatMapping.Unknown, Mapping);
    }

    [Fact]
    public void A_new_address_of_the_router_replaces_the_old_as_observers_see_it()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        See("11.2.0.1", "11.8.8.8:4001");
        See("11.1.0.1", "11.7.7.7:4001");
        See("11.2.0.1", "11.7.7.7:4001");
        Assert.Equal(["11.7.7.7:4001"], Candidates);
        Assert.Equal(NatMapping.EndpointIndependent, Mapping);
    }

    [Fact]
    public void Those_that_dialled_us_never_crowd_out_those_that_we_dialled()
    {
        for (int i = 0; i < 2 * Options.MaxObservers; i++)
        {
            See($"11.{i / 200}.{i % 200}.1", "11.66.66.66:6", inbound: true);
        }

        Assert.Equal(Options.MaxObservers, _observed.Count);
        Assert.Equal(ObservationVerdict.Full, See("11.250.0.1", "11.66.66.66:6", inbound: true));
        Assert.Equal(ObservationVerdict.Taken, See("12.1.0.1", "11.8.8.8:4001"));
        Assert.Equal(ObservationVerdict.Taken, See("12.2.0.1", "11.8.8.8:4001"));
        Assert.Equal(["11.8.8.8:4001"], Candidates);
        Assert.Equal(Options.MaxObservers, _observed.Count);
    }

    [Fact]
    public void When_all_observers_held_are_connected_another_has_no_room_until_one_leaves()
    {
        for (int i = 0; i < Options.MaxObservers; i++)
        {
            See($"11.{i}.0.1", "11.8.8.8:4001");
        }

        Assert.Equal(ObservationVerdict.Full, See("12.1.0.1", "11.8.8.8:4001"));
        _observed.Closed(1, _now);
        Assert.Equal(ObservationVerdict.Taken, See("12.1.0.1", "11.8.8.8:4001"));
    }

    [Fact]
    public void What_was_seen_of_an_address_that_is_gone_is_forgotten()
    {
        See("11.1.0.1", "11.8.8.8:4001");
        _observed.Listen([Multiaddr.Parse("/ip4/192.168.1.3/tcp/4001"), Multiaddr.Parse("/dns4/example.org/tcp/4001")]);
        Assert.Equal(0, _observed.Count);
        Assert.Equal(ObservationVerdict.NotListening, See("11.1.0.1", "11.8.8.8:4001"));
    }

    private string[] Candidates => [.. _observed.Candidates(_now).Select(c => c.EndPoint.ToString()).Order(StringComparer.Ordinal)];

    private string[] Punch => [.. _observed.PunchAddresses(_now).Select(a => a.ToString())];

    private NatMapping Mapping => _observed.Mapping(_now);

    private ObservationVerdict See(
        string observer,
        string seen,
        string? local = null,
        bool inbound = false,
        bool fromListenPort = true)
    {
        var observation = new Observation(
            ++_connections,
            IPEndPoint.Parse(local ?? "192.168.1.2:4001"),
            IPAddress.Parse(observer),
            IPEndPoint.Parse(seen),
            inbound,
            fromListenPort);
        return _observed.Add(observation, _now);
    }
}
