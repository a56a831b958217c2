using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Tests.Aggregation;

namespace P2PLearn.Learning.Tests.Attacks;

public sealed class VictimAttackTests
{
    private const int Length = 501;
    private static readonly float[][] Honest = Candidates.Normal(9, Length, seed: 5, offset: 0.5f);

    public static TheoryData<string> Names { get; } =
        [.. AttackRegistry.Names.Where(n => AttackRegistry.Create(n) is IVictimAttack)];

    [Fact]
    public void All_attacks_of_the_papers_with_a_vector_for_each_victim_are_there() =>
        Assert.Equal(
            ["sparse-alie", "sparse-foe", "dissensus", "spectral", "drift", "split"],
            AttackRegistry.Names.Where(n => AttackRegistry.Create(n) is IVictimAttack));

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_victim_gets_its_own_vector_and_the_same_calls_give_the_same(string name)
    {
        float[][] first = Rounds(name, new Nna(2), 2, [Honest, Progress(1)]);
        Assert.Equal(first, Rounds(name, new Nna(2), 2, [Honest, Progress(1)]));
        Assert.True(first.Select(v => v[0]).Distinct().Count() > 2);
        Assert.All(first, v => Assert.All(v, x => Assert.True(float.IsFinite(x))));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Nna_takes_what_the_victim_is_sent(string name)
    {
        float[][] models = Progress(1);
        float[][] forged = Rounds(name, new Nna(2), 2, [Honest, models]);
        for (int victim = 0; victim < models.Length; victim++)
        {
            var trace = new AggregationTrace();
            float[][] candidates = [.. models, forged[victim], forged[victim]];
            Assert.True(new Nna(2).TryAggregate(models[victim], Candidates.Memory(candidates), new float[Length], trace));
            Assert.True(trace.Weights[9] > 0 && trace.Weights[10] > 0, $"victim {victim} rejects {name}");
        }
    }

    [Theory]
    [InlineData("dissensus")]
    [InlineData("sparse-alie")]
    [InlineData("drift")]
    public void A_victim_of_a_sparse_graph_is_attacked_by_what_it_sees(string name)
    {
        // Victim 0 sees itself, 1 and 2. What the others have does not matter to it.
        int[][] graph = [[0, 1, 2], .. Enumerable.Range(1, 8).Select(i => Enumerable.Range(0, 9).ToArray())];
        float[][] moved = [.. Honest.Select((v, i) => i < 3 ? v : v.Select(x => x + 100).ToArray())];
        Assert.Equal(Forge(name, Honest, graph, 0), Forge(name, moved, graph, 0));
        Assert.NotEqual(Forge(name, Honest, graph, 3), Forge(name, moved, graph, 3));
    }

    [Fact]
    public void Dissensus_points_away_from_the_neighbours()
    {
        float[] forged = Rounds("dissensus", new Nna(2), 2, [Honest])[4];
        double[] mean = Candidates.Mean(Honest);
        double z = (forged[0] - Honest[4][0]) / (Honest[4][0] - mean[0]);
        Assert.True(z > 0);
        Candidates.AssertClose([.. Honest[4].Select((x, k) => x + (z * (x - mean[k])))], forged, 1e-3);
    }

    [Fact]
    public void Spectral_tears_two_cliques_apart_at_their_bridge()
    {
        // Nodes 0 to 3 and 4 to 7, joined by 3–4 alone.
        int[][] graph = [.. Enumerable.Range(0, 8).Select(i => Enumerable.Range(0, 8)
            .Where(j => i / 4 == j / 4 || (i, j) is (3, 4) or (4, 3)).ToArray())];
        double[] gram = new double[64];
        double[] slowest = HonestSpectrum.Slowest(graph, gram);
        Assert.All(slowest, x => Assert.Equal(0, x)); // equal models: nothing to tear
        for (int i = 0; i < 8; i++)
        {
            gram[(i * 8) + i] = i + 1;
        }

        slowest = HonestSpectrum.Slowest(graph, gram);
        Assert.Equal(0, slowest.Sum(), 1e-9);
        Assert.Equal(1, slowest.Sum(x => x * x), 1e-9);
        Assert.All(Enumerable.Range(0, 8), i => Assert.True(slowest[i] * slowest[0] > 0 == i < 4, $"node {i}"));
        Assert.True(Math.Abs(slowest[3]) < Math.Abs(slowest[0]));
    }

    [Fact]
    public void Drift_is_hidden_first_then_pulls_everybody_back_in_one_direction_and_keeps_to_it()
    {
        var attack = new Drift();
        float[] first = Forge(attack, 1, Honest, 0);
        Candidates.AssertClose(Candidates.Mean(Honest), first);

        // The honest go up in coordinate 0 by 5 a round; then, in the same plan, up in coordinate 1.
        double[] pulls = [.. Enumerable.Range(0, 9).Select(i => Pull(attack, 2, Moved(0, 5), i, 0))];
        Assert.All(pulls, p => Assert.True(p < -0.5, $"{p}"));
        Assert.True(Pull(attack, 3, Moved(1, 50), 0, 0) < -0.5, "the direction of a plan is kept");
        Assert.True(Math.Abs(Pull(attack, 4, Moved(1, 50), 0, 1)) < 0.5, "a new one is not chosen within it");
        Assert.True(Pull(attack, 2 + Drift.PlanRounds, Moved(1, 50), 0, 1) < -0.5, "after it a new one is chosen");
    }

    [Fact]
    public void Split_pulls_two_camps_of_equal_size_in_opposite_directions()
    {
        float[][] camps = [.. Honest.Select((v, i) => v.Select((x, k) => k == 7 && i % 2 == 0 ? x + 40 : x).ToArray())];
        double[] pulls = [.. Enumerable.Range(0, 9).Select(i => Pull(new Split(), 1, camps, i, 7))];
        Assert.Equal([0, 2, 4, 6, 8], Enumerable.Range(0, 9).Where(i => pulls[i] > 0));
    }

    [Fact]
    public void A_victim_alone_among_attackers_breaks_no_attack()
    {
        foreach (string name in AttackRegistry.Names.Where(n => AttackRegistry.Create(n) is IVictimAttack))
        {
            float[] result = new float[Length];
            var attack = (IVictimAttack)AttackRegistry.Create(name);
            attack.Forge(new VictimKnowledge(1, Candidates.Memory(Honest[..1]), [[0]], 0, new Nna(1), 2), result);
            Assert.All(result, x => Assert.True(float.IsFinite(x), name));
        }
    }

    private static float[][] Progress(int rounds) => Moved(3, 5 * rounds);

    private static float[][] Moved(int coordinate, float by) =>
        [.. Honest.Select(v => v.Select((x, k) => k == coordinate ? x + by : x).ToArray())];

    // Where the rule takes the victim along one coordinate, less the honest mean.
    private static double Pull(IVictimAttack attack, int round, float[][] models, int victim, int coordinate)
    {
        float[] forged = Forge(attack, round, models, victim);
        float[] result = new float[Length];
        Assert.True(new Nna(2).TryAggregate(models[victim], Candidates.Memory([.. models, forged, forged]), result, null));
        return result[coordinate] - models.Average(m => m[coordinate]);
    }

    private static float[][] Rounds(string name, IAggregator rule, int byzantine, float[][][] rounds)
    {
        var attack = (IVictimAttack)AttackRegistry.Create(name, 7);
        return [.. rounds.Select((models, round) => Enumerable.Range(0, models.Length)
            .Select(victim => Forge(attack, round + 1, models, victim, rule, byzantine)).ToArray()).Last()];
    }

    private static float[] Forge(string name, float[][] models, int[][] graph, int victim)
    {
        float[] result = new float[Length];
        ((IVictimAttack)AttackRegistry.Create(name))
            .Forge(new VictimKnowledge(1, Candidates.Memory(models), graph, victim, new Nna(1), 1), result);
        return result;
    }

    private static float[] Forge(
        IVictimAttack attack, int round, float[][] models, int victim, IAggregator? rule = null, int byzantine = 2)
    {
        float[] result = new float[Length];
        int[][] all = [.. models.Select(_ => Enumerable.Range(0, models.Length).ToArray())];
        attack.Forge(new VictimKnowledge(round, Candidates.Memory(models), all, victim, rule ?? new Nna(2), byzantine), result);
        return result;
    }
}
