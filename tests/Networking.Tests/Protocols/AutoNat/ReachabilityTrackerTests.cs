using System.Net;
using CsCheck;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

public sealed class ReachabilityTrackerTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly AutoNatOptions Options = new();
    private readonly ReachabilityTracker _tracker = new(Options);
    private DateTimeOffset _now = Start;

    [Theory]
    [InlineData(true, Reachability.Public)]
    [InlineData(false, Reachability.Private)]
    public void Two_servers_at_different_ips_decide(bool answer, Reachability verdict)
    {
        Say(1, answer);
        Assert.Equal(Reachability.Unknown, _tracker.Verdict);
        Say(2, answer);
        Assert.Equal(verdict, _tracker.Verdict);
    }

    [Fact]
    public void The_only_server_decides_by_its_second_answer()
    {
        Say(1, true);
        Assert.Equal(Start + Options.ConfirmDelay, DueAt(1));
        Say(1, true);
        Assert.Equal(Reachability.Public, _tracker.Verdict);
    }

    [Fact]
    public void Two_addresses_of_one_ipv6_customer_are_one_server()
    {
        _tracker.Answered(IPAddress.Parse("2a00::1"), true, isProven: true, isBiased: false, _now);
        _tracker.Answered(IPAddress.Parse("2a00::2"), false, isProven: true, isBiased: false, _now);
        Assert.Equal(1, _tracker.Servers);
        Assert.Equal(Reachability.Unknown, _tracker.Verdict);
    }

    [Fact]
    public void Answers_that_disagree_decide_nothing_until_one_side_is_ahead()
    {
        Say(1, true);
        Say(2, false);
        Assert.Equal(Reachability.Unknown, _tracker.Verdict);
        Assert.Equal(Start + Options.RetryInterval, DueAt(1));
        Say(3, true);
        Assert.Equal(Reachability.Public, _tracker.Verdict);
    }

    [Fact]
    public void Four_answers_without_proof_weigh_as_two_with()
    {
        for (int i = 1; i <= 3; i++)
        {
            Say(i, true, proven: false);
            Assert.Equal(Reachability.Unknown, _tracker.Verdict);
        }

        Say(4, true, proven: false);
        Assert.Equal(Reachability.Public, _tracker.Verdict);
    }

    [Fact]
    public void A_yes_to_be_expected_counts_only_when_told_so_and_a_no_always()
    {
        _tracker.CountsBiased = false;
        Say(1, true, biased: true);
        Say(2, true, biased: true);
        Say(3, true, biased: true);
        Assert.Equal((Reachability.Unknown, true), (_tracker.Verdict, _tracker.IsPromising));
        Assert.Equal(Start + Options.RefreshInterval, DueAt(1)); // it will say the same again
        Say(4, false);
        Say(5, false);
        Assert.Equal(Reachability.Private, _tracker.Verdict);
        _tracker.CountsBiased = true;
        _tracker.Decide(_now);
        Assert.Equal(Reachability.Private, _tracker.Verdict); // 2 : 3
        Say(6, true);
        Assert.Equal(Reachability.Public, _tracker.Verdict);
    }

    [Fact]
    public void The_only_server_may_repeat_what_was_to_be_expected_as_often_as_it_likes()
    {
        _tracker.CountsBiased = false;
        for (int i = 0; i < 10; i++)
        {
            Say(1, true, biased: true);
        }

        Assert.Equal(Reachability.Unknown, _tracker.Verdict);
    }

    [Fact]
    public void A_verdict_is_turned_round_only_by_a_clear_lead()
    {
        Say(1, true);
        Say(2, true);
        Say(3, false);
        Say(4, false);
        Say(5, false); // 3 : 2
        Assert.Equal(Reachability.Public, _tracker.Verdict);
        Assert.Equal(_now + Options.RetryInterval, DueAt(6)); // contested: soon again
        Say(1, false); // 4 : 1
        Assert.Equal(Reachability.Private, _tracker.Verdict);
        Say(2, false);
        Say(3, true);
        Say(4, true);
        Assert.Equal(Reachability.Private, _tracker.Verdict);
    }

    [Fact]
    public void Servers_of_one_network_weigh_no_more_than_two()
    {
        for (int i = 1; i <= 10; i++)
        {
            _tracker.Answered(IPAddress.Parse($"11.66.0.{i}"), true, isProven: true, isBiased: false, _now);
        }

        Assert.Equal(Reachability.Public, _tracker.Verdict);
        Say(1, false);
        Say(2, false);
        Say(3, false);
        Assert.Equal(Reachability.Public, _tracker.Verdict); // 3 : 2
        Say(4, false);
        Assert.Equal(Reachability.Private, _tracker.Verdict);
    }

    [Fact]
    public void Answers_expire_and_the_verdict_with_the_last()
    {
        Say(1, true);
        Say(2, true);
        _now += Options.AnswerLifetime - TimeSpan.FromSeconds(1);
        _tracker.Decide(_now);
        Assert.Equal(Reachability.Public, _tracker.Verdict);
        _now += TimeSpan.FromSeconds(1);
        _tracker.Decide(_now);
        Assert.Equal((Reachability.Unknown, 0), (_tracker.Verdict, _tracker.Servers));
    }

    [Fact]
    public void A_new_server_is_asked_soon_until_there_is_a_verdict_of_several_then_at_the_refresh()
    {
        Assert.Equal(Start + Options.FirstProbeDelay, DueAt(1));
        Say(1, true);
        Say(1, true);
        Assert.Equal(Reachability.Public, _tracker.Verdict);
        Assert.Equal(Start + Options.FirstProbeDelay, DueAt(2)); // one server's word should be confirmed
        Say(2, true);
        Assert.Equal(Start + Options.RefreshInterval, DueAt(3));
        Assert.Equal(Start + Options.FirstProbeDelay, DueAt(3, wantsMore: true));
    }

    [Fact]
    public void A_server_that_will_not_dial_is_left_alone_until_the_refresh()
    {
        _tracker.Refused(Ip(1), _now);
        Assert.Equal(Start + Options.RefreshInterval, DueAt(1));
        Assert.Equal(Start + Options.FirstProbeDelay, DueAt(2));
    }

    [Fact]
    public void Neither_servers_nor_refusals_are_held_without_bound()
    {
        for (int i = 0; i <= ReachabilityTracker.MaxServers; i++)
        {
            _tracker.Refused(Ip(i), _now + TimeSpan.FromSeconds(i));
        }

        Assert.Equal(Start + Options.FirstProbeDelay, DueAt(0)); // the oldest made room
        for (int i = 0; i < 100; i++)
        {
            Say(i, true);
        }

        Assert.Equal(ReachabilityTracker.MaxServers, _tracker.Servers);
    }

    [Fact]
    public void The_verdict_is_always_that_of_at_least_two_answers_and_never_of_a_minority_from_unknown() => Gen
        .Select(Gen.Int[1, 6], Gen.Bool, Gen.Bool).Array[1, 12]
        .Sample(said =>
        {
            var tracker = new ReachabilityTracker(Options);
            Reachability before = Reachability.Unknown;
            Dictionary<int, bool> latest = [];
            foreach ((int server, bool answer, bool proven) in said)
            {
                tracker.Answered(Ip(server), answer, proven, isBiased: false, Start);
                latest[server] = answer;
                int good = latest.Values.Count(a => a);
                if (before == Reachability.Unknown && tracker.Verdict == Reachability.Public)
                {
                    Assert.True(good >= 1 && (latest.Count == 1 || good >= 2));
                }

                before = tracker.Verdict;
            }
        }, iter: 1_000);

    private static IPAddress Ip(int server) => new([11, (byte)(server + 1), 0, 1]);

    private void Say(int server, bool reachable, bool proven = true, bool biased = false) =>
        _tracker.Answered(Ip(server), reachable, proven, biased, _now);

    private DateTimeOffset DueAt(int server, bool wantsMore = false) => _tracker.DueAt(Ip(server), Start, wantsMore);
}
