using CsCheck;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Rounds;

public sealed class RoundPlanTests
{
    private static readonly Gen<RoundPlan> Plans = Gen.Select(Gen.Int[1, 50], Gen.Int[1, 100], (steps, mixings) => new RoundPlan(steps, mixings));

    [Fact]
    public void The_steps_of_the_rounds_add_up() =>
        Gen.Select(Plans, Gen.Int[0, 400]).Sample((plan, round) =>
            Assert.Equal(Enumerable.Range(1, round).Sum(r => (long)plan.StepsIn(r)), plan.StepsUntil(round)));

    [Fact]
    public void Local_steps_follow_the_last_mixing() =>
        Gen.Select(Plans, Gen.Int[0, 400]).Sample((plan, round) => Assert.Equal(plan.IsLastMixing(round), plan.StepsIn(round + 1) > 0));

    [Fact]
    public void A_run_computes_the_gradients_that_fill_its_rounds() =>
        Gen.Select(Plans, Gen.Int[1, 5000]).Sample((plan, gradients) =>
            Assert.Equal(gradients - (gradients % plan.LocalSteps), plan.StepsUntil((int)plan.RoundsOf(gradients))));

    [Fact]
    public void The_longest_run_does_not_overflow()
    {
        var plan = new RoundPlan(1, 100);
        Assert.Equal(10_000_000_000, plan.RoundsOf(100_000_000));
        Assert.Equal(21_474_837, plan.StepsUntil(int.MaxValue));
    }
}
