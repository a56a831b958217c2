using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

public class HolePuncherTests
{
    private static readonly DcutrOptions Brief = new()
    {
        AttemptTimeout = TimeSpan.FromMilliseconds(300),
        MinRedialPause = TimeSpan.FromMilliseconds(50),
    };

    [Fact]
    public async Task Two_port_restricted_nodes_get_a_direct_connection_on_the_first_attempt()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted), 1);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2);
        await a.DialOverRelayAsync(b);

        ConnectionInfo ofA = await a.DirectAsync(b);
        ConnectionInfo ofB = await b.DirectAsync(a);

        Assert.Equal(ConnectionPath.Punched, ofA.Path);
        Assert.Equal(ConnectionPath.Punched, ofB.Path);
        Assert.Equal(ConnectionRole.Dialer, ofA.Role); // DCUtR: who received the stream is the initiator
        Assert.Equal(ConnectionRole.Listener, ofB.Role);
        HolePunchReport report = await b.ReportAsync();
        Assert.Equal((HolePunchOutcome.Punched, 1, a.Id), (report.Outcome, report.Attempts, report.Peer));
        Assert.Equal(HolePunchOutcome.Punched, (await a.ReportAsync()).Outcome);
    }

    [Fact]
    public async Task A_relayed_connection_that_ends_because_the_direct_one_is_up_does_not_hide_it()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted), 1, onOpened: (node, connection) =>
        {
            if (!connection.IsRelayed)
            {
                node.Network.ConnectionsOf(connection.RemotePeer).First(c => c.IsRelayed).Close(EndReason.ClosedLocally); // as js-libp2p does, when we may not know yet
            }
        });
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted, lag: TimeSpan.FromMilliseconds(30)), 2);
        await a.DialOverRelayAsync(b);

        HolePunchReport report = await b.ReportAsync();

        Assert.Equal((HolePunchOutcome.Punched, 1), (report.Outcome, report.Attempts));
        Assert.Equal(ConnectionPath.Punched, (await b.DirectAsync(a)).Path);
    }

    [Theory]
    [InlineData("Open", "Open")]
    [InlineData("Open", "PortRestricted")]
    [InlineData("PortRestricted", "Open")]
    [InlineData("Open", "Symmetric")]
    [InlineData("Symmetric", "Open")]
    public async Task Every_pair_with_an_open_side_gets_direct_on_the_first_attempt(string natOfA, string natOfB)
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, Enum.Parse<NatWorld.NatKind>(natOfA)), 1);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, Enum.Parse<NatWorld.NatKind>(natOfB)), 2);
        await a.DialOverRelayAsync(b);

        ConnectionInfo ofA = await a.DirectAsync(b);
        ConnectionInfo ofB = await b.DirectAsync(a);

        Assert.Equal(ConnectionPath.Punched, ofA.Path);
        Assert.Equal(ConnectionPath.Punched, ofB.Path);
        Assert.NotEqual(ofA.Role, ofB.Role);
        HolePunchReport report = await b.ReportAsync();
        Assert.Equal((HolePunchOutcome.Punched, 1), (report.Outcome, report.Attempts));
    }

    [Fact]
    public async Task A_symmetric_nat_against_a_port_restricted_one_stays_relayed_after_three_attempts()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.Symmetric), 1, Brief);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2, Brief);
        await a.DialOverRelayAsync(b);

        HolePunchReport report = await b.ReportAsync();

        Assert.Equal((HolePunchOutcome.Failed, 3), (report.Outcome, report.Attempts));
        Assert.NotNull(report.RoundTrip);
        Assert.True(b.Node.Connections.Single().IsRelayed);
        Assert.Empty(a.Reports);
        await Within.UntilAsync(() => world.PendingCount == 0, "no dial is left over");
    }

    [Fact]
    public async Task Nobody_is_dialled_back_before_it_is_known_whom_the_nat_lets_in()
    {
        var world = new NatWorld();
        NatWorld.Host open = world.AddHost(1, NatWorld.NatKind.Open);
        await using Puncher a = await Puncher.StartAsync(open, 1);
        a.Node.Network.LocalAddresses.Set(AddressSource.Observed, [open.PublicAddress]);
        var answer = new TaskCompletionSource();
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2, mayDial: answer.Task);
        int dials = 0;
        b.Node.Network.Dialling += _ => Interlocked.Increment(ref dials);
        await a.DialOverRelayAsync(b);
        await Swarms.IdentifiedAsync(b.Node, a.Node);
        await Task.Delay(TimeSpan.FromMilliseconds(100));
        Assert.Equal(0, dials);

        answer.SetResult();

        Assert.NotEqual(ConnectionPath.Relayed, (await b.DirectAsync(a)).Path);
        Assert.NotEqual(0, dials);
    }

    [Fact]
    public async Task A_peer_that_shows_public_addresses_is_dialled_back()
    {
        var world = new NatWorld();
        NatWorld.Host open = world.AddHost(1, NatWorld.NatKind.Open);
        await using Puncher a = await Puncher.StartAsync(open, 1, knows: () => []); // so that nothing else can succeed
        a.Node.Network.LocalAddresses.Set(AddressSource.Observed, [open.PublicAddress]);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.Symmetric), 2);
        await a.DialOverRelayAsync(b);

        ConnectionInfo ofB = await b.DirectAsync(a);

        Assert.Equal(ConnectionPath.Reversed, ofB.Path);
        Assert.Equal((ConnectionDirection.Outbound, ConnectionRole.Dialer), (ofB.Direction, ofB.Role));
        Assert.Equal(HolePunchOutcome.Reversed, (await b.ReportAsync()).Outcome);
    }

    [Fact]
    public async Task A_public_looking_address_that_leads_nowhere_holds_the_punch_up_only_briefly()
    {
        var world = new NatWorld();
        NatWorld.Host restricted = world.AddHost(1, NatWorld.NatKind.PortRestricted);
        await using Puncher a = await Puncher.StartAsync(restricted, 1);
        a.Node.Network.LocalAddresses.Set(AddressSource.Observed, [restricted.PublicAddress]); // as go and js tell it
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2);
        await a.DialOverRelayAsync(b);

        Assert.Equal(ConnectionPath.Punched, (await b.DirectAsync(a)).Path);
        Assert.Equal(1, (await b.ReportAsync()).Attempts);
    }

    [Fact]
    public async Task Neighbours_behind_one_router_meet_on_their_own_network()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted, net: 9), 1);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted, net: 9), 2);
        await a.DialOverRelayAsync(b);

        ConnectionInfo ofA = await a.DirectAsync(b);

        Assert.Equal(ConnectionPath.Punched, ofA.Path);
        Assert.StartsWith("/ip4/192.168.9.", ofA.RemoteAddress.ToString(), StringComparison.Ordinal);
        await b.DirectAsync(a);
    }

    [Fact]
    public async Task A_side_that_knows_no_address_of_its_own_still_reaches_an_open_one()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.Symmetric), 1, knows: () => []);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.Open), 2);
        await a.DialOverRelayAsync(b);

        Assert.Equal(ConnectionPath.Punched, (await a.DirectAsync(b)).Path);
        await b.DirectAsync(a);
    }

    [Fact]
    public async Task Without_any_address_it_says_so_and_tries_again_when_there_is_one()
    {
        var world = new NatWorld();
        NatWorld.Host hostOfB = world.AddHost(2, NatWorld.NatKind.PortRestricted);
        Multiaddr[] known = [];
        var options = new DcutrOptions { MinRetryPause = TimeSpan.FromMilliseconds(1) };
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.Open), 1, knows: () => known is [] ? [] : [Multiaddr.Parse("/ip4/11.0.0.1/tcp/4001")]);
        await using Puncher b = await Puncher.StartAsync(hostOfB, 2, options, () => known);
        await a.DialOverRelayAsync(b);
        Assert.Equal(HolePunchOutcome.NoAddresses, (await b.ReportAsync()).Outcome);

        known = [hostOfB.PublicAddress];
        b.Holes.OnAddressesChanged();

        Assert.Equal(ConnectionPath.Punched, (await b.DirectAsync(a)).Path);
    }

    [Fact]
    public async Task An_exchange_that_comes_to_no_sync_leaves_no_stream_behind()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted), 1, knows: () => []);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2, knows: () => []);
        (SwarmConnection ours, SwarmConnection theirs) = await a.DialOverRelayAsync(b);

        Assert.Equal(HolePunchOutcome.NoAddresses, (await b.ReportAsync()).Outcome);

        await Within.UntilAsync(() => theirs.OpenStreamCount == 0, "the side that began has no stream");
        await Within.UntilAsync(() => ours.OpenStreamCount == 0, "the side that answered has no stream");
    }

    [Fact]
    public async Task Both_sides_that_dialled_over_a_relay_end_up_on_one_direct_connection()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted), 1);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2);
        await Task.WhenAll(a.DialOverRelayAsync(b), b.DialOverRelayAsync(a));

        await a.DirectAsync(b);
        await b.DirectAsync(a);

        await Within.UntilAsync(() => a.Node.Connections.Count == 1 && b.Node.Connections.Count == 1, "one connection is left");
        Assert.Equal(ConnectionPath.Punched, a.Node.Connections[0].Path);
    }

    [Fact]
    public async Task The_relayed_connection_goes_once_the_direct_one_is_up()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted), 1);
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2);
        (SwarmConnection ours, SwarmConnection theirs) = await a.DialOverRelayAsync(b);

        EndReason reason = await ours.Ended.LimitAsync("the end of the relayed one");

        Assert.Contains(reason, new[] { EndReason.Superseded, EndReason.ClosedByRemote });
        await theirs.Ended.LimitAsync("the end of the relayed one");
        Assert.Single(a.Node.Connections);
    }

    [Fact]
    public async Task When_it_is_switched_off_it_answers_and_does_not_begin()
    {
        var world = new NatWorld();
        await using Puncher a = await Puncher.StartAsync(world.AddHost(1, NatWorld.NatKind.PortRestricted), 1, new DcutrOptions { Enabled = false });
        await using Puncher b = await Puncher.StartAsync(world.AddHost(2, NatWorld.NatKind.PortRestricted), 2);
        await b.DialOverRelayAsync(a);
        await Within.UntilAsync(() => a.Node.GetPeerInfo(b.Id)?.Protocols is not null, "identify is done");
        Assert.Empty(world.Dials);

        await a.DialOverRelayAsync(b);

        await a.DirectAsync(b);
    }
}
