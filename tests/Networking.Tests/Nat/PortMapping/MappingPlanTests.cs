using System.Net;
using CsCheck;
using P2PLearn.Networking.Nat.PortMapping;

namespace P2PLearn.Networking.Tests.Nat.PortMapping;

/// <summary>What is done next, and when.</summary>
public sealed class MappingPlanTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly IPAddress External = IPAddress.Parse("11.77.67.21");
    private static readonly PortMapperOptions Options = new() { CheckInterval = TimeSpan.FromDays(1) };

    [Fact]
    public void It_begins_with_a_search() => Assert.Equal((MappingTask.Search, Start), Plan().Next);

    [Fact]
    public void Searches_come_at_ever_longer_pauses_up_to_the_longest()
    {
        MappingPlan plan = Plan();
        List<double> pauses = [];
        for (int i = 0; i < 8; i++)
        {
            DateTimeOffset now = plan.Next.At;
            plan.NothingFound(now);
            pauses.Add((plan.Next.At - now).TotalSeconds);
        }

        Assert.Equal([15, 30, 60, 120, 240, 300, 300, 300], pauses);
    }

    [Fact]
    public void A_mapping_is_renewed_at_half_its_life()
    {
        MappingPlan plan = Held(seconds: 7200);
        Assert.Equal((MappingTask.Renew, Start.AddSeconds(3600)), plan.Next);
        plan.Granted(Grant(7200), Start.AddSeconds(3600));
        Assert.Equal((MappingTask.Renew, Start.AddSeconds(7200)), plan.Next);
        Assert.Equal(Start.AddSeconds(3600 + 7200), plan.HeldUntil);
    }

    [Fact]
    public void An_unanswered_renewal_is_tried_at_half_of_what_is_left_and_given_up_at_the_end()
    {
        MappingPlan plan = Held(seconds: 64);
        List<double> at = [];
        while (plan.Next is { Task: MappingTask.Renew } next)
        {
            at.Add((next.At - Start).TotalSeconds);
            plan.RenewalUnanswered(next.At);
        }

        Assert.Equal([32, 48, 56, 60], at); // never less than 4 s apart
        Assert.Null(plan.Held);
        Assert.Equal((MappingTask.Search, Start.AddSeconds(60)), plan.Next);
    }

    [Fact]
    public void A_refused_renewal_leads_to_a_search_at_once()
    {
        MappingPlan plan = Held(7200);
        plan.RenewalRefused(Start.AddSeconds(3600));
        Assert.Null(plan.Held);
        Assert.Equal((MappingTask.Search, Start.AddSeconds(3600)), plan.Next);
    }

    [Fact]
    public void After_a_success_searches_begin_with_the_short_pause_again()
    {
        MappingPlan plan = Plan();
        plan.NothingFound(Start);
        plan.NothingFound(Start);
        plan.Granted(Grant(7200), Start);
        plan.RenewalRefused(Start);
        plan.NothingFound(Start);
        Assert.Equal((MappingTask.Search, Start.AddSeconds(15)), plan.Next);
    }

    [Fact]
    public void A_mapping_is_checked_at_each_interval_until_it_is_renewed()
    {
        MappingPlan plan = Held(7200, new PortMapperOptions());
        List<(MappingTask, double)> steps = [];
        for (int i = 0; i < 30; i++)
        {
            (MappingTask task, DateTimeOffset at) = plan.Next;
            steps.Add((task, (at - Start).TotalSeconds));
            plan.Checked(new CheckAnswer(CheckVerdict.Kept), at);
        }

        Assert.Equal((MappingTask.Check, 120), steps[0]);
        Assert.Equal((MappingTask.Check, 3480), steps[28]);
        Assert.Equal((MappingTask.Renew, 3600), steps[29]);
    }

    [Fact]
    public void A_lost_mapping_is_renewed_at_once_and_searched_for_when_nobody_answers()
    {
        MappingPlan plan = Held(7200);
        plan.Checked(new CheckAnswer(CheckVerdict.Lost), Start.AddSeconds(120));
        Assert.Equal((MappingTask.Renew, Start.AddSeconds(120)), plan.Next);
        plan.RenewalUnanswered(Start.AddSeconds(122));
        Assert.Equal((MappingTask.Search, Start.AddSeconds(122)), plan.Next);
    }

    [Fact]
    public void A_mapping_that_was_lost_and_renewed_is_as_good_as_new()
    {
        MappingPlan plan = Held(7200);
        plan.Checked(new CheckAnswer(CheckVerdict.Lost), Start);
        plan.Granted(Grant(7200), Start);
        plan.RenewalUnanswered(Start.AddSeconds(3600));
        Assert.Equal((MappingTask.Renew, Start.AddSeconds(5400)), plan.Next);
    }

    [Fact]
    public void A_check_without_an_answer_changes_nothing()
    {
        MappingPlan plan = Held(7200);
        plan.Checked(new CheckAnswer(CheckVerdict.Unknown), Start.AddSeconds(120));
        Assert.Equal((MappingTask.Renew, Start.AddSeconds(3600)), plan.Next);
        Assert.Equal(External, plan.Held!.ExternalAddress);
    }

    [Fact]
    public void A_check_tells_a_new_external_address()
    {
        MappingPlan plan = Held(7200);
        plan.Checked(new CheckAnswer(CheckVerdict.Kept, IPAddress.Parse("11.77.67.99")), Start.AddSeconds(120));
        Assert.Equal("11.77.67.99", plan.Held!.ExternalAddress.ToString());
    }

    [Fact]
    public void An_announcement_brings_a_check_or_a_search_forward_but_not_often()
    {
        MappingPlan plan = Held(7200);
        plan.Announced(Start.AddSeconds(100));
        Assert.Equal((MappingTask.Check, Start.AddSeconds(100)), plan.Next);
        plan.Checked(new CheckAnswer(CheckVerdict.Kept), Start.AddSeconds(100));
        plan.Announced(Start.AddSeconds(103)); // a flood of forged ones
        Assert.Equal(MappingTask.Renew, plan.Next.Task);
        plan.Announced(Start.AddSeconds(104));
        Assert.Equal((MappingTask.Check, Start.AddSeconds(104)), plan.Next);

        MappingPlan searching = Plan();
        searching.NothingFound(Start);
        searching.Announced(Start.AddSeconds(1));
        Assert.Equal((MappingTask.Search, Start.AddSeconds(1)), searching.Next);
    }

    [Fact]
    public void After_any_events_there_is_a_next_step_and_nothing_is_relied_on_beyond_its_life()
    {
        Gen.Select(Gen.Int[0, 6], Gen.Int[1, 90_000], Gen.Int[0, 10_000]).Array[0, 60].Sample(events =>
        {
            MappingPlan plan = Plan();
            DateTimeOffset now = Start;
            foreach ((int kind, int lifetime, int pause) in events)
            {
                now = now.AddSeconds(pause);
                Apply(plan, kind, lifetime, now);
                Assert.Equal(plan.Held is null, plan.Next.Task == MappingTask.Search);
                Assert.True(plan.Held is null || plan.Next.At <= plan.HeldUntil || plan.Next.At <= now, "a step comes before the end");
            }
        });
    }

    private static void Apply(MappingPlan plan, int kind, int lifetime, DateTimeOffset now)
    {
        bool isHeld = plan.Held is not null;
        switch (kind)
        {
            case 0: plan.Granted(Grant(lifetime), now); break;
            case 1 when isHeld: plan.RenewalUnanswered(now); break;
            case 2 when isHeld: plan.RenewalRefused(now); break;
            case 3 when isHeld: plan.Checked(new CheckAnswer(CheckVerdict.Lost), now); break;
            case 4 when isHeld: plan.Checked(new CheckAnswer(CheckVerdict.Kept), now); break;
            case 5: plan.Announced(now); break;
            default:
                if (!isHeld)
                {
                    plan.NothingFound(now);
                }

                break;
        }
    }

    private static MappingPlan Plan() => new(Options, Start);

    private static MappingPlan Held(int seconds, PortMapperOptions? options = null)
    {
        var plan = new MappingPlan(options ?? Options, Start);
        plan.Granted(Grant(seconds), Start);
        return plan;
    }

    private static MapAnswer.Granted Grant(int seconds) => new(External, 4001, TimeSpan.FromSeconds(seconds), IsPermanent: false);
}
