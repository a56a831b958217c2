using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

/// <summary>Whole nodes that find out how they can be reached.</summary>
public sealed class AutoNatServiceTests : IAsyncLifetime
{
    private readonly VirtualInternet _internet = new();
    private readonly List<AutoNatNode> _nodes = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (AutoNatNode node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_public_node_is_found_public_by_two_servers()
    {
        AutoNatNode[] servers = await ServersAsync(2);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "11.9.9.9"));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        await AutoNatNode.ConnectAsync(node, servers[1]);

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");

        Assert.Equal(NatMapping.None, node.Service.Mapping);
        Assert.Equal(NatFiltering.EndpointIndependent, node.Service.Filtering);
        AddressStatus address = Assert.Single(node.Service.Addresses);
        Assert.Equal(
            (Multiaddr.Parse("/ip4/11.9.9.9/tcp/4001"), AddressSource.Listen, true),
            (address.Address, address.Source, address.Announced));
    }

    [Fact]
    public async Task On_loopback_the_only_server_is_enough_after_its_second_answer()
    {
        AutoNatNode server = await AddAsync(AutoNatNode.StartAsync(2, AutoNatNode.Quick with { Client = false }));
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1));
        await AutoNatNode.ConnectAsync(node, server);

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");

        Assert.Equal(2, node.Counters[AutoNatEvent.Reachable]);
        Assert.Equal(2, server.Counters[AutoNatEvent.Reached]);
        Assert.Equal(0, node.Counters[AutoNatEvent.Unasked]);
    }

    [Theory]
    [InlineData(NatFilter.ContactedPorts)]
    [InlineData(NatFilter.ContactedAddresses)]
    public async Task Behind_a_nat_that_filters_a_node_is_found_private(NatFilter filter)
    {
        AutoNatNode[] servers = await ServersAsync(4);
        await AutoNatNode.ConnectAsync(servers[0], servers[2]);
        await AutoNatNode.ConnectAsync(servers[1], servers[3]);
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, filter);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        await AutoNatNode.ConnectAsync(node, servers[1]);

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Private, "it is private");

        Assert.Equal(NatMapping.EndpointIndependent, node.Service.Mapping);
        Assert.Equal(NatFiltering.EndpointDependent, node.Service.Filtering);
        Assert.Equal("11.8.8.8", ThinWaist.IpOf(Assert.Single(node.Service.PunchAddresses))!.ToString());
    }

    [Fact]
    public async Task A_public_node_that_was_only_dialled_knows_that_no_nat_is_before_it()
    {
        AutoNatNode[] servers = await ServersAsync(2);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "11.9.9.9"));
        await AutoNatNode.ConnectAsync(servers[0], node);
        await AutoNatNode.ConnectAsync(servers[1], node);

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");

        Assert.Equal(NatMapping.None, node.Service.Mapping);
    }

    [Fact]
    public async Task A_node_that_asks_before_it_dials_everybody_finds_a_stranger_at_its_first_server()
    {
        AutoNatNode[] servers = await ServersAsync(4);
        await AutoNatNode.ConnectAsync(servers[0], servers[1]);
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat));
        await node.Service.FirstAnswerAsync(default).LimitAsync("nobody to ask"); // with nobody, there is no waiting
        await AutoNatNode.ConnectAsync(node, servers[0]);

        await node.Service.FirstAnswerAsync(default).LimitAsync("the first answer");

        Assert.Equal(1, node.Counters[AutoNatEvent.Reachable]);
        foreach (AutoNatNode server in servers[1..])
        {
            await AutoNatNode.ConnectAsync(node, server); // from now on, nobody is a stranger
        }

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");
    }

    [Fact]
    public async Task A_first_yes_that_proves_nothing_is_no_answer_but_a_second_is_since_there_may_be_nobody_else()
    {
        AutoNatNode[] servers = await ServersAsync(3);
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        var once = AutoNatNode.Quick with { ConfirmDelay = TimeSpan.FromHours(1), FirstAnswerPatience = TimeSpan.FromHours(1) };
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat, once));
        await AutoNatNode.ConnectAsync(node, servers[0]); // it knows nobody: it dials back itself
        Task answer = node.Service.FirstAnswerAsync(default);
        await Within.UntilAsync(() => node.Counters[AutoNatEvent.Reachable] == 1, "the first yes");

        await AutoNatNode.ConnectAsync(servers[1], servers[2]);
        Assert.False(answer.IsCompleted);
        await AutoNatNode.ConnectAsync(node, servers[1]); // it has a stranger dial back
        await answer.LimitAsync("an answer by a stranger");
        await Within.UntilAsync(() => node.Service.Filtering == NatFiltering.EndpointIndependent, "the verdict");

        AutoNatNode second = await AddAsync(AutoNatNode.StartAsync(
            2, _internet, "192.168.1.3", nat, AutoNatNode.Quick with { FirstAnswerPatience = TimeSpan.FromHours(1) }));
        await AutoNatNode.ConnectAsync(second, servers[0]);
        await second.Service.FirstAnswerAsync(default).LimitAsync("the second yes of the only server");
        Assert.True(second.Counters[AutoNatEvent.Reachable] >= 2);
    }

    [Fact]
    public async Task A_node_that_waits_for_its_first_answer_dials_for_nobody_and_another_is_asked()
    {
        AutoNatNode server = (await ServersAsync(1))[0];
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        var waits = AutoNatNode.Quick with { FirstProbeDelay = TimeSpan.FromHours(1), FirstAnswerPatience = TimeSpan.FromHours(1) };
        AutoNatNode waiting = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat, waits));
        await AutoNatNode.ConnectAsync(waiting, server);
        AutoNatNode first = await AddAsync(AutoNatNode.StartAsync(2, _internet, "11.9.9.9"));
        await AutoNatNode.ConnectAsync(first, server);
        await Within.UntilAsync(() => first.Service.Overall == Reachability.Public, "the first is answered");
        Assert.NotEqual(0, waiting.Counters[AutoNatEvent.Rejected]);

        AutoNatNode second = await AddAsync(AutoNatNode.StartAsync(3, _internet, "11.7.7.7"));
        await AutoNatNode.ConnectAsync(second, server);
        await Within.UntilAsync(() => second.Service.Overall == Reachability.Public, "the second is answered");

        Assert.NotEqual(0, first.Counters[AutoNatEvent.Dialled]); // whoever was asked first
        Assert.Equal(0, waiting.Counters[AutoNatEvent.Dialled]);
    }

    [Fact]
    public async Task A_node_whose_patience_is_over_dials_for_others_though_nobody_answered_it()
    {
        AutoNatNode server = (await ServersAsync(1))[0];
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        var spent = AutoNatNode.Quick with { FirstProbeDelay = TimeSpan.FromHours(1), FirstAnswerPatience = TimeSpan.Zero };
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat, spent));
        await AutoNatNode.ConnectAsync(node, server);
        AutoNatNode asking = await AddAsync(AutoNatNode.StartAsync(2, _internet, "11.9.9.9"));
        await AutoNatNode.ConnectAsync(asking, server);

        await Within.UntilAsync(() => node.Counters[AutoNatEvent.Dialled] > 0, "it dials in the server's place");

        Assert.Equal(0, node.Counters[AutoNatEvent.Rejected]);
    }

    [Fact]
    public async Task A_node_waits_for_a_first_answer_only_where_a_nat_may_be_and_not_for_ever()
    {
        AutoNatNode[] servers = await ServersAsync(1);
        AutoNatNode open = await AddAsync(AutoNatNode.StartAsync(
            1, _internet, "11.9.9.9", options: AutoNatNode.Quick with { FirstProbeDelay = TimeSpan.FromHours(1) }));
        await AutoNatNode.ConnectAsync(open, servers[0]);
        await open.Service.FirstAnswerAsync(default).LimitAsync("an open node");

        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        var slow = AutoNatNode.Quick with { FirstProbeDelay = TimeSpan.FromHours(1), FirstAnswerPatience = TimeSpan.FromMilliseconds(200) };
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(2, _internet, "192.168.1.2", nat, slow));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        long start = TimeProvider.System.GetTimestamp();
        await node.Service.FirstAnswerAsync(default).LimitAsync("the patience");

        // Half of it: the timers count in whole ticks of another clock, and may end a little early by this one.
        Assert.True(TimeProvider.System.GetElapsedTime(start) >= slow.FirstAnswerPatience / 2);
        Assert.True(node.Service.FirstAnswerAsync(default).IsCompleted, "the patience is spent once");
    }

    [Fact]
    public async Task Behind_a_full_cone_nat_a_node_is_public_once_a_stranger_got_through()
    {
        AutoNatNode[] servers = await ServersAsync(4);
        await AutoNatNode.ConnectAsync(servers[0], servers[2]);
        await AutoNatNode.ConnectAsync(servers[1], servers[3]);
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        await AutoNatNode.ConnectAsync(node, servers[1]);

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");

        Assert.Equal(NatFiltering.EndpointIndependent, node.Service.Filtering);
        Assert.True(servers[0].Counters[AutoNatEvent.Delegated] + servers[1].Counters[AutoNatEvent.Delegated] > 0);
        AddressStatus observed = node.Service.Addresses.Single(a => a.Source == AddressSource.Observed);
        Assert.Equal((Reachability.Public, false), (observed.Reachability, observed.Announced));
    }

    [Theory]
    [InlineData(NatFilter.Everybody)]
    [InlineData(NatFilter.ContactedAddresses)]
    public async Task The_word_of_servers_that_it_has_contacted_does_not_make_a_node_behind_a_nat_public(NatFilter filter)
    {
        AutoNatNode[] servers = await ServersAsync(2); // they know nobody else: their dial-backs are all there is
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, filter);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        await AutoNatNode.ConnectAsync(node, servers[1]);

        await Within.UntilAsync(() => node.Counters[AutoNatEvent.Reachable] >= 2, "both got through");
        Assert.Equal((Reachability.Unknown, NatFiltering.Unknown), (node.Service.Overall, node.Service.Filtering));

        // Two strangers come by the address that the servers see: with a full-cone NAT they get in.
        Multiaddr seen = node.Service.PunchAddresses[0];
        for (int i = 0; i < 2; i++)
        {
            AutoNatNode stranger = await AddAsync(AutoNatNode.StartAsync(20 + i, _internet, $"11.5.{i}.1"));
            Task dial = stranger.Swarm.ConnectAsync(seen, default).AsTask();
            if (filter == NatFilter.Everybody)
            {
                await dial.LimitAsync("a stranger's dial");
            }
            else
            {
                await Assert.ThrowsAsync<PeerUnreachableException>(() => dial);
            }
        }

        if (filter == NatFilter.Everybody)
        {
            await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");
            Assert.Equal(NatFiltering.EndpointIndependent, node.Service.Filtering);
        }
    }

    [Fact]
    public async Task Who_was_dialled_back_for_is_no_stranger_afterwards()
    {
        AutoNatNode server = (await ServersAsync(1))[0];
        VirtualNat first = _internet.AddNat("11.7.7.7", NatMapping.EndpointIndependent, NatFilter.ContactedAddresses);
        VirtualNat second = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.ContactedAddresses);
        AutoNatNode one = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", first));
        AutoNatNode other = await AddAsync(AutoNatNode.StartAsync(2, _internet, "192.168.2.2", second));
        await AutoNatNode.ConnectAsync(one, server);
        await AutoNatNode.ConnectAsync(other, server);

        // The server has each dial the other, in vain at first; from then on their NATs let them through to each other.
        await Within.UntilAsync(
            () => one.Counters[AutoNatEvent.Reachable] + other.Counters[AutoNatEvent.Reachable] > 0, "one got through");
        await Within.UntilAsync(
            () => one.Counters[AutoNatEvent.Asked] >= 2 && other.Counters[AutoNatEvent.Asked] >= 2, "each asked twice");

        Assert.NotEqual(Reachability.Public, one.Service.Overall);
        Assert.NotEqual(Reachability.Public, other.Service.Overall);
    }

    [Fact]
    public async Task Behind_a_symmetric_nat_a_node_is_private_and_knows_why()
    {
        AutoNatNode[] servers = await ServersAsync(2);
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointDependent, NatFilter.ContactedPorts);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "192.168.1.2", nat));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        await AutoNatNode.ConnectAsync(node, servers[1]);

        await Within.UntilAsync(() => node.Service.Overall == Reachability.Private, "it is private");

        Assert.Equal(NatMapping.EndpointDependent, node.Service.Mapping);
        AddressStatus own = Assert.Single(node.Service.Addresses); // the private one: none that others see is worth a test
        Assert.Equal(("/ip4/192.168.1.2/tcp/4001", Reachability.Private), (own.Address.ToString(), own.Reachability));
    }

    [Fact]
    public async Task A_mapped_address_is_tested_at_once_and_told_of()
    {
        AutoNatNode[] servers = await ServersAsync(2);
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "11.9.9.9"));
        await AutoNatNode.ConnectAsync(node, servers[0]);
        await AutoNatNode.ConnectAsync(node, servers[1]);
        int changes = 0;
        node.Service.Changed += () => Interlocked.Increment(ref changes);
        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");

        node.Service.SetCandidates(
            AddressSource.Mapped, [Multiaddr.Parse("/ip4/11.9.9.9/tcp/5005"), Multiaddr.Parse("/ip4/10.0.0.1/tcp/5005")]);

        await Within.UntilAsync(
            () => node.ReachabilityOf("/ip4/11.9.9.9/tcp/5005") == Reachability.Private, "nobody answers there");
        Assert.Equal(Reachability.Public, node.Service.Overall);
        Assert.Null(node.ReachabilityOf("/ip4/10.0.0.1/tcp/5005"));
        Assert.True(Volatile.Read(ref changes) > 0);
    }

    [Fact]
    public async Task A_server_of_version_1_alone_counts_half()
    {
        AutoNatNode[] servers = [.. await ServersAsync(4, version1: true)];
        AutoNatNode node = await AddAsync(AutoNatNode.StartAsync(1, _internet, "11.9.9.9"));
        foreach (AutoNatNode server in servers[..3])
        {
            await AutoNatNode.ConnectAsync(node, server);
        }

        await Within.UntilAsync(() => node.Counters[AutoNatEvent.Reachable] >= 3, "three answered");
        Assert.Equal(Reachability.Unknown, node.Service.Overall);
        await AutoNatNode.ConnectAsync(node, servers[3]);
        await Within.UntilAsync(() => node.Service.Overall == Reachability.Public, "it is public");
    }

    [Fact]
    public async Task Without_client_or_server_nothing_is_asked_or_served()
    {
        AutoNatNode node = await AddAsync(
            AutoNatNode.StartAsync(1, AutoNatNode.Quick with { Client = false, Server = false }));
        AutoNatNode other = await AddAsync(AutoNatNode.StartAsync(2));
        await AutoNatNode.ConnectAsync(node, other);
        await AutoNatNode.ConnectAsync(other, node);

        IReadOnlyCollection<string> protocols = other.Swarm.GetPeerInfo(node.Swarm.LocalPeer)!.Protocols!;
        Assert.DoesNotContain(protocols, p => p.Contains("autonat", StringComparison.Ordinal));
        Assert.Equal(0, node.Counters[AutoNatEvent.Asked]);
    }

    private async Task<AutoNatNode[]> ServersAsync(int count, bool version1 = false)
    {
        var servers = new AutoNatNode[count];
        for (int i = 0; i < count; i++)
        {
            AutoNatNode server = await AddAsync(AutoNatNode.StartAsync(
                10 + i, _internet, $"11.{i + 1}.0.1", options: AutoNatNode.Quick with { Client = false, Server = !version1 }));
            if (version1)
            {
                var limits = AutoNatNode.Quick.Limits;
                var policy = new DialPolicy(limits, AddressRule.PublicInternet, () => []);
                var server1 = new AutoNatServerV1(
                    server.Swarm.Network, limits, policy, new DialBacker(server.Swarm.Network, limits), () => true, server.Counters);
                server.Swarm.Network.Handle(AutoNatProtocol.V1, server1.AnswerAsync, 2);
            }

            servers[i] = server;
        }

        return servers;
    }

    private async Task<AutoNatNode> AddAsync(Task<AutoNatNode> starting)
    {
        AutoNatNode node = await starting;
        _nodes.Add(node);
        return node;
    }
}
