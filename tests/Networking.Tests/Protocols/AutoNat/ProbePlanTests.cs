using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

public sealed class ProbePlanTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly AutoNatOptions Options = new();
    private readonly ProbePlan _plan = new(Options, _ => 0);
    private readonly ProbeTarget _first = Target("/ip4/11.9.9.9/tcp/4001");
    private readonly ProbeTarget _second = Target("/ip4/11.9.9.9/tcp/4002");
    private DateTimeOffset _now = Start;
    private DateTimeOffset _next;

    [Fact]
    public void A_server_is_asked_a_moment_after_it_was_identified_about_all_addresses_in_order()
    {
        Assert.Empty(Next([Server(1)], _first, _second));
        Assert.Equal(Start + Options.FirstProbeDelay, _next);
        _now = _next;
        Probe probe = Assert.Single(Next([Server(1)], _first, _second));
        Assert.Equal([_first.Address, _second.Address], probe.Addresses);
        Assert.Empty(Next([Server(1)], _first, _second)); // it is being asked
    }

    [Fact]
    public void Only_so_many_are_asked_at_once()
    {
        _now += TimeSpan.FromMinutes(1);
        ProbeServer[] servers = [.. Enumerable.Range(1, 10).Select(Server)];
        Assert.Equal(Options.MaxProbesAtOnce, Next(servers, _first).Count);
        Assert.Equal(Options.MaxProbesAtOnce, _plan.Asking);
        _plan.Ended(TestPeers.Id(1), failed: true, _now);
        Assert.Single(Next(servers, _first));
    }

    [Fact]
    public void One_that_failed_is_left_alone_for_a_while()
    {
        _now += TimeSpan.FromMinutes(1);
        Next([Server(1)], _first);
        _plan.Ended(TestPeers.Id(1), failed: true, _now);
        Assert.Empty(Next([Server(1)], _first));
        Assert.Equal(_now + Options.RetryInterval, _next);
        _now = _next;
        Assert.Single(Next([Server(1)], _first));
    }

    [Fact]
    public void A_verdict_is_refreshed_by_the_server_that_was_heard_longest_ago_one_at_a_time()
    {
        Answer(1, Start);
        Answer(2, Start + TimeSpan.FromSeconds(1));
        Answer(3, Start + TimeSpan.FromSeconds(2));
        Assert.Equal(Reachability.Public, _first.Tracker.Verdict);
        ProbeServer[] servers = [Server(3), Server(2), Server(1)];
        Assert.Empty(Next(servers, _first));
        Assert.Equal(Start + TimeSpan.FromSeconds(2) + Options.RefreshInterval, _next);
        _now = _next;
        Assert.Equal(TestPeers.Id(1), Assert.Single(Next(servers, _first)).Server.Peer);
    }

    [Fact]
    public void An_address_that_is_settled_is_not_asked_about_along_with_a_new_one()
    {
        Answer(1, Start);
        Answer(2, Start);
        _now += TimeSpan.FromMinutes(1);
        Assert.Equal([_second.Address], Assert.Single(Next([Server(1)], _first, _second)).Addresses);
    }

    [Fact]
    public void Without_servers_or_addresses_there_is_nothing_to_do()
    {
        Assert.Empty(Next([], _first));
        Assert.Empty(Next([Server(1)]));
        Assert.Equal(DateTimeOffset.MaxValue, _next);
    }

    private static ProbeTarget Target(string address) =>
        new(Multiaddr.Parse(address), new ReachabilityTracker(Options), WantsMore: false);

    private static ProbeServer Server(int number) => new(TestPeers.Id(number), Ip(number), SpeaksV2: true, Start);

    private static IPAddress Ip(int number) => new([11, (byte)number, 0, 1]);

    private void Answer(int server, DateTimeOffset at) => _first.Tracker.Answered(Ip(server), true, isProven: true, isBiased: false, at);

    private IReadOnlyList<Probe> Next(ProbeServer[] servers, params ProbeTarget[] targets) =>
        _plan.Next(targets, servers, _now, out _next);
}
