using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;

namespace P2PLearn.Learning.Tests.Attacks;

/// <summary>Attacks where each node hears only some of the others: 40 honest ones that hear 7 of each other and 2 of 8 attackers.</summary>
public sealed class SampledAttackTests
{
    private const int Dimension = 60;
    private static readonly Nna Rule = new(2);
    private readonly ReadOnlyMemory<float>[] _honest;
    private readonly int[][] _heard;

    public SampledAttackTests()
    {
        var random = new SeededRandom(5);
        _honest = [.. Enumerable.Range(0, 40).Select(_ => new ReadOnlyMemory<float>([.. Enumerable.Range(0, Dimension).Select(_ => (float)(1 + random.NextGaussian()))]))];
        _heard = [.. Enumerable.Range(0, 40).Select(i => Enumerable.Range(0, 8).Select(k => (i + (k * 5)) % 40).ToArray())];
    }

    [Theory]
    [InlineData("alie")]
    [InlineData("foe")]
    public void Who_tries_an_attack_on_what_nodes_hear_moves_them_and_who_takes_the_rule_for_one_over_all_does_not(string name)
    {
        AttackKnowledge all = new(_honest, Rule, 8);
        AttackKnowledge[] samples = [.. Enumerable.Range(0, 10).Select(i => new AttackKnowledge([.. _heard[i].Select(k => _honest[k])], Rule, 2) { Victim = 0 })];
        double blind = MeanMove(Forge(name, all));
        double seeing = MeanMove(Forge(name, all with { Samples = samples }));
        Assert.InRange(blind, 0, 1e-5); // it thinks 6 of its 8 are kept however far they are, goes far, and is never kept
        Assert.True(seeing > 0.3, $"moved by {seeing}");
    }

    [Fact]
    public void Without_a_node_that_hears_an_attacker_the_mean_is_sent()
    {
        float[] forged = Forge("alie", new AttackKnowledge(_honest, Rule, 8) { Samples = [] });
        Assert.Equal(_honest.Average(h => h.Span[3]), forged[3], 1e-5f);
    }

    private static float[] Forge(string name, AttackKnowledge knowledge)
    {
        float[] forged = new float[Dimension];
        ((IModelAttack)AttackRegistry.Create(name)).Forge(knowledge, forged);
        return forged;
    }

    // ‖mean over all honest nodes of what the rule gives less the mean of the honest models that they hear‖.
    private double MeanMove(float[] forged)
    {
        double[] moved = new double[Dimension];
        float[] result = new float[Dimension];
        foreach (int[] heard in _heard)
        {
            ReadOnlyMemory<float>[] candidates = [.. heard.Select(k => _honest[k]), forged, forged];
            Assert.True(Rule.TryAggregate(candidates[0].Span, candidates, result, null));
            for (int k = 0; k < Dimension; k++)
            {
                moved[k] += (result[k] - heard.Average(h => _honest[h].Span[k])) / _heard.Length;
            }
        }

        return Math.Sqrt(moved.Sum(m => m * m));
    }
}
