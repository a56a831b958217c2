using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Tests.Aggregation;

namespace P2PLearn.Learning.Tests.Attacks;

/// <summary>Attacks with one vector for all whose rounds are not alike.</summary>
public sealed class RememberingAttackTests
{
    private static readonly float[][] Honest = Candidates.Normal(8, 301, seed: 6);

    [Fact]
    public void Mimic_copies_the_node_that_differs_most_and_keeps_to_it()
    {
        var attack = new Mimic();
        for (int round = 1; round <= Mimic.WarmUpRounds; round++)
        {
            float[][] models = With(5, 30);
            Assert.Equal(models[5], Forge(attack, models));
        }

        float[][] later = With(2, 300);
        Assert.Equal(later[5], Forge(attack, later));
        Assert.Equal(later[3], Forge(attack, later[..4])); // fewer are heard: still one of the honest
    }

    [Fact]
    public void Gaussian_noise_follows_from_the_seed_and_is_new_in_each_round()
    {
        var attack = (IModelAttack)AttackRegistry.Create("gaussian", 3);
        float[] first = Forge(attack, Honest);
        float[] second = Forge(attack, Honest);
        Assert.NotEqual(first, second);
        Assert.Equal(first, Forge(new Gaussian(3), Honest));
        Assert.NotEqual(first, Forge(new Gaussian(4), Honest));
        Assert.InRange(first.Concat(second).Select(x => (double)x * x).Average(), 0.8, 1.2);
    }

    [Fact]
    public void Replay_sends_the_most_damaging_of_the_last_rounds()
    {
        // Against the plain mean that is the oldest one that it remembers, as the models only grow.
        var attack = new Replay();
        double[] mean = Candidates.Mean(Honest);
        for (int round = 0; round < Replay.Memory + 3; round++)
        {
            float[][] models = [.. Honest.Select(v => v.Select(x => x + round).ToArray())];
            int replayed = Math.Max(0, round - Replay.Memory);
            Candidates.AssertClose([.. mean.Select(x => x + replayed)], Forge(attack, models), 1e-4);
        }
    }

    [Fact]
    public void Only_the_silent_and_the_late_do_not_speak_in_time()
    {
        Assert.Equal(AttackTiming.Never, AttackRegistry.Create("silent").Timing);
        Assert.Equal(AttackTiming.Late, AttackRegistry.Create("late").Timing);
        Assert.All(
            AttackRegistry.Names.Except(["silent", "late"]),
            name => Assert.Equal(AttackTiming.OnTime, AttackRegistry.Create(name).Timing));
    }

    private static float[][] With(int node, float offset) =>
        [.. Honest.Select((v, i) => i == node ? v.Select(x => x + offset).ToArray() : v)];

    private static float[] Forge(IModelAttack attack, float[][] models)
    {
        float[] forged = new float[models[0].Length];
        attack.Forge(new AttackKnowledge(Candidates.Memory(models), new Mean(), 2), forged);
        return forged;
    }
}
