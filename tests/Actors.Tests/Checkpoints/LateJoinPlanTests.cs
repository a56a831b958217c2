using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Tests.Checkpoints;

/// <summary>When a node takes over a checkpoint.</summary>
public sealed class LateJoinPlanTests
{
    private static readonly RunSettings Settings = new() { Faulty = 1, MinPeers = 3, Gradients = 2000 };
    private static readonly RunId Run = RunId.Of(Settings.Encode());
    private static readonly AttestationSet Round20 = Attested.Set(Run, (1, 20), (2, 20), (3, 20));

    [Fact]
    public void A_node_that_was_not_told_to_join_does_not_wait_for_what_it_does_not_know()
    {
        var plan = new LateJoinPlan(Run, Settings, 0, isAsked: false);
        Assert.IsType<LateJoinStep.Begin>(plan.Step(AttestationSet.Bottom, TimeSpan.Zero));
        Assert.IsType<LateJoinStep.Nothing>(plan.Step(Round20, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void One_that_was_told_to_waits_and_begins_at_the_end_of_its_patience()
    {
        var plan = new LateJoinPlan(Run, Settings, 0, isAsked: true);
        Assert.Equal(new LateJoinStep.Wait(LateJoinPlan.MaxWait), plan.Step(AttestationSet.Bottom, TimeSpan.Zero));
        Assert.Equal(new LateJoinStep.Wait(TimeSpan.FromSeconds(4)), plan.Step(AttestationSet.Bottom, TimeSpan.FromSeconds(6)));
        Assert.IsType<LateJoinStep.Begin>(plan.Step(AttestationSet.Bottom, LateJoinPlan.MaxWait));
    }

    [Fact]
    public void What_is_heard_of_settles_before_it_is_taken_and_the_newest_counts()
    {
        var plan = new LateJoinPlan(Run, Settings, 0, isAsked: true);
        plan.Step(AttestationSet.Bottom, TimeSpan.Zero);
        Assert.Equal(new LateJoinStep.Wait(LateJoinPlan.SettleWait), plan.Step(Round20, TimeSpan.FromSeconds(2)));
        AttestationSet later = Round20.Join(Attested.Set(Run, (1, 30), (2, 30), (4, 30)));
        Assert.IsType<LateJoinStep.Wait>(plan.Step(later, TimeSpan.FromSeconds(2.2)));
        Assert.Equal(30u, Assert.IsType<LateJoinStep.TakeOver>(plan.Step(later, TimeSpan.FromSeconds(2.5))).Checkpoint.Round);
        Assert.IsType<LateJoinStep.Nothing>(plan.Step(later, TimeSpan.FromSeconds(2.6)));
    }

    [Theory]
    [InlineData(17, true)]
    [InlineData(18, false)]
    [InlineData(40, false)]
    public void A_checkpoint_that_is_not_clearly_ahead_of_ones_own_progress_is_left(int progress, bool taken)
    {
        var plan = new LateJoinPlan(Run, Settings, progress, isAsked: true);
        Assert.Equal(taken, plan.Step(Round20, TimeSpan.Zero) is LateJoinStep.Wait);
    }
}
