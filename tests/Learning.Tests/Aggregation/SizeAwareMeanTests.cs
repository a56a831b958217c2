using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Tests.Aggregation;

public sealed class SizeAwareMeanTests
{
    private static readonly long[] Samples = [60, 900, 1000, 1100, 1200, 1300, 1400, 3040];

    [Theory]
    [InlineData(1e3f)]
    [InlineData(1e6f)]
    [InlineData(1e12f)]
    public void A_small_site_that_scales_its_update_moves_nobody_by_more_than_clipping_allows(float scale)
    {
        // 60 of 10,000 samples: 0.6 %.
        float[][] x = Candidates.Normal(8, 500, seed: 31, offset: 2);
        x[0] = [.. x[0].Select((value, k) => 2 + (scale * (value - 2)))];
        for (int node = 1; node < 8; node++)
        {
            (double[] shares, double tau) = Dumb(x, Samples, node);
            float[] result = Run(x, Samples, node).Result;
            double[] without = Oracles.Clipped([.. x.Select((v, j) => j == 0 ? x[node] : v)], node, tau, shares);
            double moved = Oracles.Distance(without, Oracles.Double(result));
            Assert.InRange(moved, 0, shares[0] * tau * 1.001);
            Assert.True(shares[0] * tau < 0.1 * Math.Sqrt(2 * 500), $"allowed {shares[0] * tau}: too much for 0.6 %");
        }
    }

    [Fact]
    public void A_site_with_half_the_data_is_not_voted_out_for_being_large()
    {
        long[] samples = [1000, 1000, 1000, 1000, 1000, 1000, 1000, 7000];
        float[][] x = Candidates.Normal(8, 500, seed: 32);
        x[7] = [.. x[7].Select(value => value + 3)]; // it has seen other data than the rest
        for (int node = 0; node < 7; node++)
        {
            float[] weights = Run(x, samples, node).Trace.Weights;
            Assert.True(weights[7] > weights.Where((_, j) => j != node && j != 7).Max(), $"node {node} gives it {weights[7]}");
            var nna = new AggregationTrace();
            Assert.True(new Nna(1).TryAggregate(x[node], Candidates.Memory(x), new float[500], nna));
            Assert.Equal(0, nna.Weights[7]); // what nearest neighbours would do
        }
    }

    [Fact]
    public void A_count_is_worth_at_most_the_cap_whatever_is_claimed()
    {
        long[] samples = [1000, 1000, 1000, 1000, 1000, 1000, 1000, long.MaxValue];
        float[][] x = Candidates.Normal(8, 50, seed: 33);
        Candidates.AssertClose(
            Oracles.Double(Run(x, [1000, 1000, 1000, 1000, 1000, 1000, 1000, 3000], 2).Result), Run(x, samples, 2).Result);
    }

    [Fact]
    public void Without_counts_or_with_counts_that_say_nothing_all_count_the_same()
    {
        float[][] x = Candidates.Normal(8, 50, seed: 34);
        float[] plain = new float[50];
        Assert.True(new SizeAwareMean(1).TryAggregate(x[2], Candidates.Memory(x), plain, null));
        Assert.Equal(plain, Run(x, [0, -5, 0, long.MinValue, 0, 0, 0, 0], 2).Result);
        (double[] shares, double tau) = Dumb(x, [1, 1, 1, 1, 1, 1, 1, 1], 2);
        Candidates.AssertClose(Oracles.Clipped(x, 2, tau, shares), plain);
    }

    [Fact]
    public void A_negative_count_takes_part_with_no_weight()
    {
        float[][] x = Candidates.Normal(8, 50, seed: 35);
        long[] samples = [10, 10, 10, -10, 10, 10, 10, 10];
        (float[] result, AggregationTrace trace) = Run(x, samples, 2);
        Assert.Equal(0, trace.Weights[3]);
        (double[] shares, double tau) = Dumb(x, samples, 2);
        Candidates.AssertClose(Oracles.Clipped(x, 2, tau, shares), result);
    }

    [Fact]
    public void As_many_counts_as_candidates_are_asked_for() =>
        Assert.ThrowsAny<ArgumentException>(() => Run(Candidates.Normal(8, 5, seed: 36), [1, 2], 0));

    [Fact]
    public void With_its_counts_bound_the_rule_is_the_same_on_vectors_and_on_distances()
    {
        float[][] x = Candidates.Normal(8, 50, seed: 37);
        IDistanceRule bound = new SizeAwareMean(1).WithSamples(Samples);
        float[] result = new float[50];
        Assert.True(bound.TryAggregate(x[4], Candidates.Memory(x), result, null));
        (float[] expected, AggregationTrace trace) = Run(x, Samples, 4);
        Assert.Equal(expected, result);
        double[] weights = new double[8];
        double[] squared = [.. x.SelectMany(a => x.Select(b => Candidates.SquaredDistance(a, b)))];
        Assert.True(bound.TryWeigh(squared, 4, weights));
        Assert.All(weights.Zip(trace.Weights), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
    }

    private static (double[] Shares, double Tau) Dumb(float[][] x, long[] samples, int node)
    {
        long[] positive = [.. samples.Where(n => n > 0).Order()];
        double cap = 3.0 * positive[(positive.Length - 1) / 2];
        double[] capped = [.. samples.Select(n => Math.Min(Math.Max(0, n), cap))];
        double[] others = [.. x.Where((_, j) => j != node).Select(v => Math.Sqrt(Candidates.SquaredDistance(x[node], v))).Order()];
        return ([.. capped.Select(n => n / capped.Sum())], others[(others.Length - 1) / 2]);
    }

    private static (float[] Result, AggregationTrace Trace) Run(float[][] x, long[] samples, int node)
    {
        float[] result = new float[x[0].Length];
        var trace = new AggregationTrace();
        Assert.True(new SizeAwareMean(1).TryAggregate(x[node], Candidates.Memory(x), samples, result, trace));
        return (result, trace);
    }
}
