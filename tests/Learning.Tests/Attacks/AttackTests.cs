using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Tests.Aggregation;

namespace P2PLearn.Learning.Tests.Attacks;

public sealed class AttackTests
{
    private static readonly float[][] Honest = Candidates.Normal(9, 3001, seed: 4, offset: 0.5f);

    public static TheoryData<string, string> SearchingAttacks { get; } = new()
    {
        { "alie", "nna" },
        { "alie", "mean" },
        { "alie", "trimmed-mean" },
        { "foe", "nna" },
        { "foe", "mean" },
        { "foe", "trimmed-mean" },
    };

    [Theory]
    [MemberData(nameof(SearchingAttacks))]
    public void The_search_finds_what_running_the_rule_on_the_vectors_finds(string name, string rule)
    {
        float[] forged = Forge(name, Aggregators.Create(rule, 2), 2);
        double[] mean = Candidates.Mean(Honest);
        double[] direction = name == "foe" ? [.. mean.Select(x => -x)] : Deviation();
        double z = LineSearch.Maximize(trial => Damage(rule, mean, direction, trial), 16);
        Candidates.AssertClose([.. mean.Zip(direction, (m, u) => m + (z * u))], forged, 1e-4);
        Assert.True(z > 0);
        if (rule == "nna")
        {
            Assert.True(z < 10, $"z is {z}: not hidden");
        }
    }

    [Fact]
    public void Alie_against_nna_is_kept_and_moves_the_mean()
    {
        float[] forged = Forge("alie", new Nna(2), 2);
        float[][] all = [.. Honest, forged, forged];
        var trace = new AggregationTrace();
        float[] result = new float[3001];
        Assert.True(new Nna(2).TryAggregate(Honest[0], Candidates.Memory(all), result, trace));
        Assert.True(trace.Weights[9] > 0 && trace.Weights[10] > 0);
    }

    [Fact]
    public void A_rule_that_declines_leaves_the_attacker_at_the_mean()
    {
        float[] forged = Forge("alie", new Nna(6), 2);
        Candidates.AssertClose(Candidates.Mean(Honest), forged);
        forged = Forge("alie", new TrimmedMean(6), 2);
        Candidates.AssertClose(Candidates.Mean(Honest), forged);
    }

    [Fact]
    public void Sign_flip_sends_the_opposite_of_the_mean()
    {
        float[] forged = Forge("sign-flip", new Mean(), 1);
        Candidates.AssertClose([.. Candidates.Mean(Honest).Select(x => -x)], forged);
    }

    [Fact]
    public void Nan_sends_nothing_finite() =>
        Assert.DoesNotContain(Forge("nan", new Mean(), 1), float.IsFinite);

    [Fact]
    public void One_honest_model_is_enough_for_every_attack()
    {
        foreach (IModelAttack attack in AttackRegistry.Names.Select(AttackRegistry.Create).OfType<IModelAttack>())
        {
            float[] forged = new float[3001];
            attack.Forge(new AttackKnowledge(Candidates.Memory(Honest[..1]), new Nna(1), 2), forged);
            Assert.Contains(forged, x => x != 0);
        }
    }

    [Fact]
    public void Nothing_to_know_is_a_bug_and_said_so()
    {
        var attack = new SignFlip();
        float[] result = new float[3001];
        var rule = new Mean();
        Assert.ThrowsAny<ArgumentException>(() => attack.Forge(new AttackKnowledge([], rule, 1), result));
        Assert.ThrowsAny<ArgumentException>(() => attack.Forge(new AttackKnowledge(Candidates.Memory(Honest), rule, 0), result));
        Assert.ThrowsAny<ArgumentException>(() => attack.Forge(new AttackKnowledge(Candidates.Memory(Honest), rule, 1), new float[7]));
    }

    [Fact]
    public void The_registry_knows_each_attack_by_its_name()
    {
        Assert.All(AttackRegistry.Names, name => Assert.Equal(name, AttackRegistry.Create(name).Name));
        Assert.Equal(
            AttackRegistry.MeshNames,
            AttackRegistry.Names.Where(name => AttackRegistry.Create(name) is { Timing: AttackTiming.OnTime } and (IModelAttack or LabelFlip)));
        Assert.Equal(["label-flip"], AttackRegistry.Names.Where(name => AttackRegistry.Create(name).FlipsLabels));
        Assert.Equal(
            "unknown attack 'gauss': use none, alie, foe, sign-flip, label-flip, nan, mimic, gaussian, replay, silent, late, sparse-alie, sparse-foe, dissensus, spectral, drift, split",
            Assert.Throws<ArgumentException>(() => AttackRegistry.Create("gauss")).Message);
    }

    private static float[] Forge(string name, IAggregator rule, int byzantine)
    {
        float[] forged = new float[3001];
        ((IModelAttack)AttackRegistry.Create(name)).Forge(new AttackKnowledge(Candidates.Memory(Honest), rule, byzantine), forged);
        return forged;
    }

    private static double[] Deviation()
    {
        double[] mean = Candidates.Mean(Honest);
        return [.. mean.Select((m, k) => Math.Sqrt(Honest.Sum(v => (v[k] - m) * (v[k] - m)) / (Honest.Length - 1)))];
    }

    // The definition, in double: every honest node sorts everything.
    private static double Damage(string rule, double[] mean, double[] direction, double z)
    {
        double[][] all = [.. Honest.Select(v => v.Select(x => (double)x).ToArray()),
            .. Enumerable.Repeat(mean.Zip(direction, (m, u) => m + (z * u)).ToArray(), 2)];
        double[][] results = [.. Enumerable.Range(0, Honest.Length).Select(i => rule switch
        {
            "nna" => Average([.. all.OrderBy(v => v.Zip(all[i], (x, y) => (x - y) * (x - y)).Sum()).Take(9)]),
            "mean" => Average(all),
            _ => [.. mean.Select((_, k) => all.Select(v => v[k]).Order().Skip(2).Take(7).Average())],
        })];
        return Average(results).Zip(mean, (x, y) => (x - y) * (x - y)).Sum();
    }

    private static double[] Average(double[][] vectors) =>
        [.. Enumerable.Range(0, vectors[0].Length).Select(k => vectors.Average(v => v[k]))];
}
