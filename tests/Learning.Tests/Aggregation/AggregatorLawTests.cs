using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Tests.Aggregation;

/// <summary>What has to hold for every rule, and for rules with something before them.</summary>
public sealed class AggregatorLawTests
{
    private static readonly string[] Chains =
    [
        "nnm+trimmed-mean", "nnm+median", "nnm+mean-around-median", "nnm+krum", "nnm+geometric-median", "nnm+nna", "nnm+caf", "nnm+mda",
        "arc+trimmed-mean", "arc+nnm+trimmed-mean", "clipping:9+cs-plus", "clipped-gossip:tau=5", "centred-clipping:tau=5,steps=2",
        "bucketing:2+krum", "bucketing:2+trimmed-mean",
    ];

    public static TheoryData<string> All { get; } = [.. Aggregators.Names, .. Chains];

    public static TheoryData<string> Robust { get; } = [.. Aggregators.Names.Where(name => name != "mean"), .. Chains];

    public static TheoryData<string> Symmetric { get; } = [.. Aggregators.Names, .. Chains.Where(name =>
        !name.Contains("bucketing", StringComparison.Ordinal) // shuffles by index
        && !name.Contains("arc+nnm", StringComparison.Ordinal))]; // clipping makes ties, which go to the lower index

    [Theory]
    [MemberData(nameof(Robust))]
    public void Absurd_vectors_up_to_f_do_no_harm(string name)
    {
        float[][] absurd =
        [
            Filled(float.NaN), Filled(float.PositiveInfinity), Filled(float.NegativeInfinity), Filled(3e38f), Filled(-1e30f), Filled(1e18f), Filled(-1e9f),
        ];
        for (int first = 0; first < absurd.Length; first++)
        {
            float[][] honest = Candidates.Normal(16, 600, seed: 21, offset: 100);
            float[][] all = [absurd[first], .. honest, absurd[(first + 1) % absurd.Length], absurd[(first + 3) % absurd.Length]];
            float[] result = Run(name, 3, all, 5).Result;
            for (int k = 0; k < result.Length; k++)
            {
                // Clipping rules let the absurd pull by a bounded length, spread over the coordinates.
                Assert.InRange(result[k], honest.Min(v => v[k]) - 1, honest.Max(v => v[k]) + 1);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Robust))]
    public void More_than_f_vectors_that_are_not_finite_do_not_reach_the_result(string name)
    {
        float[][] all = Candidates.Normal(14, 300, seed: 22);
        for (int i = 3; i < 12; i++)
        {
            all[i] = [.. Enumerable.Repeat(i % 2 == 0 ? float.NaN : float.PositiveInfinity, 300)];
        }

        Assert.All(Run(name, 2, all, 1).Result, x => Assert.InRange(x, -6f, 6f));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Equal_vectors_give_that_vector(string name)
    {
        float[] vector = Candidates.Normal(1, 333, seed: 23)[0];
        float[][] all = [.. Enumerable.Range(0, 13).Select(_ => vector.ToArray())];
        Candidates.AssertClose(Oracles.Double(vector), Run(name, 2, all, 4).Result);
    }

    [Theory]
    [MemberData(nameof(Symmetric))]
    public void The_order_of_the_candidates_does_not_matter(string name)
    {
        float[][] all = Candidates.Normal(13, 444, seed: 24);
        (float[] result, AggregationTrace trace) = Run(name, 2, all, 4);
        (float[] reversed, AggregationTrace reversedTrace) = Run(name, 2, [.. all.Reverse()], 8);
        Candidates.AssertClose(Oracles.Double(result), reversed, 1e-4);
        Candidates.AssertClose(Oracles.Double([.. trace.Weights.Reverse()]), reversedTrace.Weights, 1e-4);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Too_few_candidates_are_refused_and_nothing_is_touched(string name)
    {
        IAggregator rule = Aggregators.Create(name, 2);
        float[] result = [7, 7, 7];
        float[][] all = Candidates.Normal(rule.MinCandidates, 3, seed: 25);
        if (all.Length > 1)
        {
            Assert.False(rule.TryAggregate(all[0], Candidates.Memory(all[1..]), result, new AggregationTrace()));
            Assert.Equal([7f, 7f, 7f], result);
        }

        Assert.True(rule.TryAggregate(all[0], Candidates.Memory(all), result, null));
        Assert.NotEqual([7f, 7f, 7f], result);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_rule_that_does_not_use_the_pivot_gives_all_nodes_the_same_bits(string name)
    {
        IAggregator rule = Aggregators.Create(name, 2);
        float[][] all = Candidates.Normal(13, 100, seed: 26);
        bool same = Run(name, 2, all, 0).Result.SequenceEqual(Run(name, 2, all, 9).Result);
        Assert.True(same || rule.UsesPivot);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_trace_tells_distances_and_weights(string name)
    {
        float[][] all = Candidates.Normal(13, 100, seed: 27);
        all[6] = [.. all[6].Select(_ => 1e4f)];
        AggregationTrace trace = Run(name, 2, all, 3).Trace;
        Candidates.AssertClose([.. all.Select(v => Math.Sqrt(Candidates.SquaredDistance(all[3], v)))], trace.Distances);
        Assert.All(trace.Weights, weight => Assert.InRange(weight, 0f, 1f));
        if (Aggregators.Create(name, 2) is IDistanceRule)
        {
            Assert.InRange(trace.Weights.Sum(), 0.9999f, 1.0001f);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_call_allocates_nothing_in_steady_state(string name)
    {
        IAggregator rule = Aggregators.Create(name, 2);
        float[][] vectors = Candidates.Normal(13, 5_000, seed: 1);
        IReadOnlyList<ReadOnlyMemory<float>> memory = Candidates.Memory(vectors);
        float[] result = new float[5_000];
        var trace = new AggregationTrace();
        for (int i = 0; i < 5; i++)
        {
            rule.TryAggregate(vectors[0], memory, result, trace);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
        {
            rule.TryAggregate(vectors[0], memory, result, trace);
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 50, 0, 64);
    }

    [Theory]
    [InlineData("krum")]
    [InlineData("geometric-median")]
    [InlineData("nnm+trimmed-mean")]
    public void The_number_of_threads_does_not_show_in_the_bits(string name)
    {
        float[][] all = Candidates.Normal(7, 1_400_001, seed: 28);
        float[] one = new float[1_400_001];
        float[] three = new float[1_400_001];
        Assert.True(Aggregators.Create(name, 2).TryAggregate(all[0], Candidates.Memory(all), one, null));
        Assert.True(Aggregators.Create(name, 2, degree: 3).TryAggregate(all[0], Candidates.Memory(all), three, null));
        Assert.Equal(one, three);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(64)]
    [InlineData(4095)]
    public void A_tile_of_nine_distances_has_the_bits_of_nine_distances(int length)
    {
        float[][] v = Candidates.Normal(6, length, seed: 29);
        double[] tile = new double[9];
        SquaredDistance.OfTile(v[0], v[1], v[2], v[3], v[4], v[5], tile);
        double[] row = new double[3];
        for (int i = 0; i < 3; i++)
        {
            SquaredDistance.FromPivot(v[i], Candidates.Memory(v[3..]), row);
            Assert.Equal(row, tile.AsSpan(3 * i, 3).ToArray());
        }
    }

    [Theory]
    [InlineData(1, 70_000)]
    [InlineData(2, 4_096)]
    [InlineData(3, 100)]
    [InlineData(7, 8_191)]
    [InlineData(12, 65_537)]
    [InlineData(17, 33)]
    public void All_pairs_have_the_bits_of_each_row(int m, int length)
    {
        float[][] v = Candidates.Normal(m, length, seed: 30);
        double[] all = new double[m * m];
        SquaredDistance.Pairwise(Candidates.Memory(v), all);
        double[] row = new double[m];
        for (int i = 0; i < m; i++)
        {
            SquaredDistance.FromPivot(v[i], Candidates.Memory(v), row);
            Assert.Equal(row, all.AsSpan(i * m, m).ToArray());
        }
    }

    [Theory]
    [InlineData("arc+mean")]
    [InlineData("arc+cs-plus")]
    [InlineData("clipping:2+arc+clipped-gossip")]
    [InlineData("bucketing:2+mean")]
    [InlineData("size-aware-mean")]
    public void A_rule_that_needs_only_distances_to_the_pivot_gives_the_same_with_all(string name)
    {
        float[][] v = Candidates.Normal(13, 5_000, seed: 31);
        v[4] = [.. v[4].Select(_ => float.NaN)];
        var rule = (IDistanceRule)Aggregators.Create(name, 2);
        Assert.False(rule.UsesAllPairs);
        double[] all = new double[13 * 13];
        SquaredDistance.Pairwise(Candidates.Memory(v), all);
        double[] weights = new double[13];
        Assert.True(rule.TryWeigh(all, 7, weights));
        float[] expected = new float[5_000];
        CandidateMean.Write(Candidates.Memory(v), weights, expected);
        Assert.Equal(expected, Run(name, 2, v, 7).Result);
    }

    private static float[] Filled(float value) => [.. Enumerable.Repeat(value, 600)];

    private static (float[] Result, AggregationTrace Trace) Run(string name, int f, float[][] vectors, int pivot)
    {
        float[] result = new float[vectors[0].Length];
        var trace = new AggregationTrace();
        Assert.True(Aggregators.Create(name, f).TryAggregate(vectors[pivot], Candidates.Memory(vectors), result, trace));
        return (result, trace);
    }
}
