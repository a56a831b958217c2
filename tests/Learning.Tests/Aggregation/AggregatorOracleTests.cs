using CsCheck;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Tests.Aggregation;

/// <summary>Each fast rule beside its plain version in double.</summary>
public sealed class AggregatorOracleTests
{
    private static readonly Gen<(float[][] Vectors, int F, int Pivot)> Cases =
        from vectors in Candidates.Gen(1, 14)
        from f in Gen.Int[0, (vectors.Length - 1) / 2]
        from pivot in Gen.Int[0, vectors.Length - 1]
        select (vectors, f, pivot);

    [Fact]
    public void Median_and_mean_around_median_equal_sort_everything() => Cases.Sample(t =>
    {
        Candidates.AssertClose(Oracles.Median(t.Vectors), Run("median", t.F, t.Vectors, t.Pivot).Result);
        Candidates.AssertClose(Oracles.MeanAroundMedian(t.Vectors, t.F), Run("mean-around-median", t.F, t.Vectors, t.Pivot).Result);
    });

    [Fact]
    public void Clipping_rules_equal_clipping_every_difference() => Cases.Sample(t =>
    {
        (float[][] x, int f, int pivot) = t;
        double[] shares = Oracles.Equal(x.Length);
        double[] own = Oracles.Double(x[pivot]);
        Candidates.AssertClose(Oracles.Clipped(x, pivot, 3, shares), Run("clipped-gossip:tau=3", f, x, pivot).Result, 1e-4);
        Candidates.AssertClose(
            Oracles.Clipped(x, pivot, Oracles.CsPlusRadius(x, f, own), shares), Run("cs-plus", f, x, pivot).Result, 1e-4);
        Candidates.AssertClose(Oracles.CentredClipping(x, f, pivot, 3, 3), Run("centred-clipping:tau=3", f, x, pivot).Result, 1e-4);
        Candidates.AssertClose(Oracles.CentredClipping(x, f, pivot, null, 1), Run("centred-clipping:steps=1", f, x, pivot).Result, 1e-4);
        double radius = f == 0 ? double.PositiveInfinity : Oracles.ClippedGossipRadius(x, f, pivot);
        Candidates.AssertClose(Oracles.Clipped(x, pivot, radius, shares), Run("clipped-gossip", f, x, pivot).Result, 1e-4);
    });

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Centred_clipping_takes_its_radius_from_the_distances(ulong seed)
    {
        float[][] x = Candidates.Normal(9, 40, seed, offset: 3);
        Candidates.AssertClose(Oracles.CentredClipping(x, 2, 4, null, 3), Run("centred-clipping", 2, x, 4).Result, 1e-4);
    }

    [Fact]
    public void Centred_clipping_mixes_when_only_two_f_and_one_are_there()
    {
        float[][] x = Candidates.Normal(9, 40, seed: 5, offset: 3);
        double nearest = x.Where((_, i) => i != 4).Min(v => Math.Sqrt(Candidates.SquaredDistance(x[4], v)));
        float[] result = Run("centred-clipping:steps=1", 4, x, 4).Result;
        Assert.InRange(Math.Sqrt(Candidates.SquaredDistance(x[4], result)), 0.1 * nearest, nearest);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Those_who_copy_a_node_do_not_keep_it_from_mixing_nor_let_anybody_pull_it_farther(int f)
    {
        float[][] honest = Candidates.Normal(11 - f, 40, seed: 7, offset: 3);
        float[][] copied = [.. honest, .. Enumerable.Repeat(honest[2], f)];
        float[][] far = [.. honest, .. Enumerable.Range(1, f).Select(k => honest[2].Select(value => value + (1000f * k)).ToArray())];
        double moved = Distance(Run("centred-clipping:steps=1", f, copied, 2).Result, honest[2]);
        double allowed = Oracles.CentredRadius(far, f, Oracles.Double(honest[2]));
        Assert.InRange(moved, 0.1 * allowed, (10.0 - f) / 11 * allowed);
        Assert.Equal(allowed, Oracles.CentredRadius(copied, f, Oracles.Double(honest[2])), 1e-6);

        static double Distance(float[] a, float[] b) => Math.Sqrt(Candidates.SquaredDistance(a, b));
    }

    [Fact]
    public void Krum_and_multi_krum_equal_all_scores_sorted() =>
        (from vectors in Candidates.Gen(3, 12)
         from f in Gen.Int[0, (vectors.Length - 3) / 2]
         select (vectors, f)).Sample(t =>
         {
             double[] scores = Oracles.KrumScores(t.vectors, t.f);
             int[] order = [.. Enumerable.Range(0, scores.Length).OrderBy(i => scores[i]).ThenBy(i => i)];
             bool Clear(int rank) => rank >= order.Length || scores[order[rank]] - scores[order[rank - 1]] > 1e-3;
             if (Clear(1))
             {
                 Assert.Equal(t.vectors[order[0]], Run("krum", t.f, t.vectors, 0).Result);
             }

             int keep = t.vectors.Length - t.f;
             if (Clear(keep))
             {
                 Candidates.AssertClose(
                     Candidates.Mean([.. order.Take(keep).Select(i => t.vectors[i])]), Run("multi-krum", t.f, t.vectors, 0).Result);
             }
         });

    [Fact]
    public void Mda_finds_the_least_diameter_of_all_subsets() =>
        (from vectors in Candidates.Gen(1, 11)
         from f in Gen.Int[0, (vectors.Length - 1) / 2]
         select (vectors, f)).Sample(t =>
         {
             (float[] result, AggregationTrace trace) = Run("mda", t.f, t.vectors, 0);
             int[] kept = [.. Enumerable.Range(0, t.vectors.Length).Where(i => trace.Weights[i] > 0)];
             Assert.Equal(t.vectors.Length - t.f, kept.Length);
             double least = Oracles.LeastDiameter(t.vectors, t.f);
             Assert.InRange(Oracles.Diameter(t.vectors, kept), least, (least * (1 + 1e-5)) + 1e-9);
             Candidates.AssertClose(Candidates.Mean([.. kept.Select(i => t.vectors[i])]), result);
         });

    [Fact]
    public void Mda_manages_what_trying_all_subsets_does_not()
    {
        float[][] x = Candidates.Normal(32, 50, seed: 6);
        for (int i = 0; i < 15; i++)
        {
            x[2 * i] = [.. x[2 * i].Select(v => v + 3 + i)];
        }

        AggregationTrace trace = Run("mda", 15, x, 1).Trace;
        Assert.Equal(Enumerable.Range(0, 32).Where(i => i % 2 == 1 || i >= 30), Enumerable.Range(0, 32).Where(i => trace.Weights[i] > 0));
    }

    [Fact]
    public void Geometric_median_has_the_least_sum_of_distances() => Cases.Sample(
        t =>
        {
            double least = Oracles.SumOfDistances(t.Vectors, Oracles.GeometricMedian(t.Vectors));
            double[] result = Oracles.Double(Run("geometric-median", t.F, t.Vectors, t.Pivot).Result);
            Assert.InRange(Oracles.SumOfDistances(t.Vectors, result), 0, (least * (1 + 2e-3)) + 1e-4);
        },
        iter: 30);

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Caf_equals_filtering_in_full_dimension(ulong seed)
    {
        float[][] x = Candidates.Normal(10, 6, seed, offset: 50);
        x[2][0] += 40;
        x[7][3] -= 15;
        Candidates.AssertClose(Oracles.Caf(x, 2), Run("caf", 2, x, 0).Result, 1e-3);
    }

    [Theory]
    [InlineData("nnm+trimmed-mean")]
    [InlineData("nnm+median")]
    [InlineData("nnm+cs-plus")]
    [InlineData("nnm+geometric-median")]
    [InlineData("arc+trimmed-mean")]
    [InlineData("arc+cs-plus")]
    [InlineData("clipping:4+mean")]
    [InlineData("clipping:4+mean-around-median")]
    public void A_chain_equals_the_rule_on_vectors_mixed_one_by_one(string name)
    {
        float[][] x = Candidates.Normal(11, 700, seed: 12, offset: 1);
        x[3] = [.. x[3].Select(v => v + 5)];
        string[] parts = name.Split('+');
        float[][] mixed = parts[0] == "nnm" ? Oracles.Nnm(x, 2) : parts[0] == "arc" ? Oracles.Arc(x, 2, 6) : Oracles.Clip(x, 6, 4);
        float[] expected = Run(parts[1], 2, mixed, 6).Result;
        Candidates.AssertClose(Oracles.Double(expected), Run(name, 2, x, 6).Result, 1e-4);
    }

    [Fact]
    public void A_longer_chain_knows_the_distances_between_what_it_makes()
    {
        float[][] x = Candidates.Normal(11, 300, seed: 13, offset: 20);
        x[9] = [.. x[9].Select(v => v + 8)];
        double[] squared = new double[121];
        double[] matrix = new double[121];
        SquaredDistance.Pairwise(Candidates.Memory(x), squared);
        Assert.Equal(2, new PreAggregation([new Arc(3), new Nnm(3)]).Run(squared, 2, matrix, 11));
        float[][] rows = [.. Enumerable.Range(0, 11).Select(row => Enumerable.Range(0, 300).Select(k =>
            (float)x.Select((v, i) => matrix[(row * 11) + i] * v[k]).Sum()).ToArray())];
        for (int i = 0; i < 121; i++)
        {
            double expected = Candidates.SquaredDistance(rows[i / 11], rows[i % 11]);
            Assert.InRange(squared[i], (expected * 0.9999) - 1e-4, (expected * 1.0001) + 1e-4);
        }

        Candidates.AssertClose(Oracles.TrimmedMean(rows, 3), Run("arc+nnm+trimmed-mean", 3, x, 2).Result, 1e-4);
    }

    [Fact]
    public void Bucketing_averages_each_candidate_into_one_bucket()
    {
        float[][] x = Candidates.Normal(7, 20, seed: 14);
        double[] matrix = new double[4 * 7];
        double[] squared = new double[49];
        SquaredDistance.Pairwise(Candidates.Memory(x), squared);
        new Bucketing(2, seed: 5).Mix(squared, 0, matrix);
        Assert.All(Enumerable.Range(0, 7), k => Assert.Single(Enumerable.Range(0, 4), row => matrix[(row * 7) + k] > 0));
        float[][] buckets = [.. Enumerable.Range(0, 4).Select(row => Candidates.Mean(
            [.. Enumerable.Range(0, 7).Where(k => matrix[(row * 7) + k] > 0).Select(k => x[k])]).Select(v => (float)v).ToArray())];
        Candidates.AssertClose(Oracles.Median(buckets), Run("bucketing:2,seed=5+median", 1, x, 0).Result);
        double[] other = new double[4 * 7];
        new Bucketing(2, seed: 6).Mix(squared, 0, other);
        Assert.NotEqual(matrix, other);
    }

    [Theory]
    [InlineData("nna", 2.5f)]
    [InlineData("mda", 2.5f)]
    [InlineData("mean-around-median", 2.5f)]
    [InlineData("median", 4f)]
    [InlineData("trimmed-mean", 4f)]
    [InlineData("mean", 4f)]
    [InlineData("centred-clipping:tau=100,steps=1", 4f)]
    public void The_check_values_that_byzfl_documents(string name, float first) =>
        Candidates.AssertClose([first, first + 1, first + 2], Run(name, 1, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], 1).Result);

    private static (float[] Result, AggregationTrace Trace) Run(string name, int f, float[][] vectors, int pivot)
    {
        float[] result = new float[vectors[0].Length];
        var trace = new AggregationTrace();
        Assert.True(Aggregators.Create(name, f).TryAggregate(vectors[pivot], Candidates.Memory(vectors), result, trace));
        return (result, trace);
    }
}
