using CsCheck;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Tests.Aggregation;

public sealed class TrimmedMeanTests
{
    [Fact]
    public void It_equals_sort_everything_in_double() =>
        (from vectors in Candidates.Gen(1, 20)
         from f in Gen.Int[0, 6]
         select (vectors, f)).Sample(t =>
         {
             (float[][] vectors, int f) = t;
             int m = vectors.Length;
             float[] result = [.. Enumerable.Repeat(7f, vectors[0].Length)];
             var trace = new AggregationTrace();
             bool done = new TrimmedMean(f).TryAggregate(vectors[0], Candidates.Memory(vectors), result, trace);
             Assert.Equal(m >= (2 * f) + 1, done);
             if (!done)
             {
                 Assert.All(result, x => Assert.Equal(7f, x));
                 return;
             }

             Candidates.AssertClose(Expected(vectors, f), result);
             Candidates.AssertClose([.. ExpectedShares(vectors, f)], trace.Weights);
             Candidates.AssertClose([.. vectors.Select(v => Math.Sqrt(Candidates.SquaredDistance(vectors[0], v)))], trace.Distances);
         });

    [Fact]
    public void It_does_not_depend_on_the_order_of_the_candidates() =>
        Candidates.Gen(5, 12).Sample(vectors =>
        {
            float[][] reversed = [.. vectors.Reverse()];
            float[] first = new float[vectors[0].Length];
            float[] second = new float[vectors[0].Length];
            Assert.True(new TrimmedMean(2).TryAggregate(vectors[0], Candidates.Memory(vectors), first, null));
            Assert.True(new TrimmedMean(2).TryAggregate(vectors[0], Candidates.Memory(reversed), second, null));
            Candidates.AssertClose([.. first.Select(x => (double)x)], second);
        });

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(3e38f)]
    public void What_is_not_finite_is_trimmed(float poison)
    {
        float[][] vectors = Candidates.Normal(7, 5003, seed: 2);
        Array.Fill(vectors[1], poison);
        vectors[5][5002] = poison;
        float[] result = new float[5003];
        Assert.True(new TrimmedMean(2).TryAggregate(vectors[0], Candidates.Memory(vectors), result, new AggregationTrace()));
        Assert.All(result, x => Assert.InRange(x, -5f, 5f));
    }

    [Fact]
    public void Where_too_many_are_not_finite_the_pivot_stands()
    {
        float[][] vectors = [[1, 5], [float.NaN, 6], [float.NaN, 7], [2, 8], [3, 9]];
        float[] result = new float[2];
        Assert.True(new TrimmedMean(1).TryAggregate(vectors[0], Candidates.Memory(vectors), result, null));
        Assert.Equal([1f, 7f], result);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(5, 2)]
    [InlineData(11, 3)]
    public void The_network_splits_every_pattern_of_zeros_and_ones(int count, int trimmed)
    {
        // Zero-one principle: a network that is right on all patterns of zeros and ones is right on everything.
        var network = Network(count, trimmed);
        int patterns = 1 << count;
        float[] rows = new float[count * patterns];
        for (int pattern = 0; pattern < patterns; pattern++)
        {
            for (int row = 0; row < count; row++)
            {
                rows[(row * patterns) + pattern] = (pattern >> row) & 1;
            }
        }

        network.Sort(rows, patterns, patterns);
        for (int pattern = 0; pattern < patterns; pattern++)
        {
            int ones = System.Numerics.BitOperations.PopCount((uint)pattern);
            float Sum(int from, int to) => Enumerable.Range(from, to - from).Sum(row => rows[(row * patterns) + pattern]);
            Assert.Equal(Math.Clamp(ones - (count - trimmed), 0, trimmed), Sum(0, trimmed));
            Assert.Equal(Math.Min(ones, trimmed), Sum(count - trimmed, count));
        }
    }

    [Fact]
    public void Pruning_leaves_out_comparators()
    {
        // The whole of Batcher's network for 16 rows has 63 of them.
        Assert.True(Network(16, 3).ComparatorCount < 63);
        Assert.Equal(0, Network(16, 0).ComparatorCount);
    }

    private static SortingNetwork Network(int count, int trimmed) =>
        new([.. Enumerable.Range(0, count).Select(row => row < trimmed ? 0 : row < count - trimmed ? 1 : 2)]);

    private static double[] Expected(float[][] vectors, int f) =>
        [.. Enumerable.Range(0, vectors[0].Length).Select(k =>
            vectors.Select(v => (double)v[k]).Order().Skip(f).Take(vectors.Length - (2 * f)).Average())];

    private static IEnumerable<double> ExpectedShares(float[][] vectors, int f)
    {
        int d = vectors[0].Length;
        foreach (float[] vector in vectors)
        {
            int inside = Enumerable.Range(0, d).Count(k =>
            {
                float[] kept = [.. vectors.Select(v => v[k]).Order().Skip(f).Take(vectors.Length - (2 * f))];
                return vector[k] >= kept[0] && vector[k] <= kept[^1];
            });
            yield return (double)inside / d;
        }
    }
}
