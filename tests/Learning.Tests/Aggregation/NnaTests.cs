using CsCheck;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Tests.Aggregation;

public sealed class NnaTests
{
    [Fact]
    public void It_gives_the_published_check_value()
    {
        // MoNNA(1, 1) of the ByzFL library on these rows.
        float[][] rows = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
        float[] result = new float[3];
        Assert.True(new Nna(1).TryAggregate(rows[1], Candidates.Memory(rows), result, null));
        Assert.Equal([2.5f, 3.5f, 4.5f], result);
    }

    [Fact]
    public void It_equals_sort_everything_in_double() =>
        (from vectors in Candidates.Gen()
         from f in Gen.Int[0, 4]
         from pivot in Gen.Int[0, vectors.Length - 1]
         select (vectors, f, pivot)).Sample(t =>
         {
             (float[][] vectors, int f, int pivot) = t;
             float[] result = [.. Enumerable.Repeat(7f, vectors[0].Length)];
             var trace = new AggregationTrace();
             bool done = new Nna(f).TryAggregate(vectors[pivot], Candidates.Memory(vectors), result, trace);
             Assert.Equal(vectors.Length >= (2 * f) + 1, done);
             if (!done)
             {
                 Assert.All(result, x => Assert.Equal(7f, x));
                 return;
             }

             double[] distances = [.. vectors.Select(v => Candidates.SquaredDistance(vectors[pivot], v))];
             int[] order = [.. Enumerable.Range(0, vectors.Length).OrderBy(i => distances[i]).ThenBy(i => i)];
             int keep = vectors.Length - f;
             if (keep < order.Length && Math.Abs(distances[order[keep]] - distances[order[keep - 1]]) < 1e-3)
             {
                 return; // too close to call in float
             }

             Candidates.AssertClose(Candidates.Mean([.. order.Take(keep).Select(i => vectors[i])]), result);
             Candidates.AssertClose([.. distances.Select(Math.Sqrt)], trace.Distances);
             Candidates.AssertClose(
                 [.. Enumerable.Range(0, vectors.Length).Select(i => order.Take(keep).Contains(i) ? 1.0 / keep : 0)], trace.Weights);
         });

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(3e38f)]
    public void A_vector_that_is_not_finite_never_reaches_the_result(float poison)
    {
        float[][] vectors = Candidates.Normal(5, 5000, seed: 3);
        vectors[0][4999] = poison;
        vectors[3][17] = poison;
        vectors[4][0] = poison;
        float[] result = new float[5000];
        var trace = new AggregationTrace();
        Assert.True(new Nna(2).TryAggregate(vectors[1], Candidates.Memory(vectors), result, trace));
        Candidates.AssertClose(Candidates.Mean([vectors[1], vectors[2]]), result);
        Assert.Equal(float.PositiveInfinity, trace.Distances[0]);
        Assert.Equal([0f, 0.5f, 0.5f, 0f, 0f], trace.Weights);
    }

    [Fact]
    public void More_than_f_vectors_that_are_not_finite_are_left_out_all_the_same()
    {
        float[][] vectors = [[1], [float.NaN], [2], [float.NaN], [float.NaN]];
        float[] result = new float[1];
        Assert.True(new Nna(1).TryAggregate(vectors[0], Candidates.Memory(vectors), result, null));
        Assert.Equal(1.5f, result[0]);
    }

    [Fact]
    public void Equal_distances_go_to_the_lower_index()
    {
        float[][] vectors = [[1], [-1], [0], [1], [-1]];
        var trace = new AggregationTrace();
        float[] result = new float[1];
        Assert.True(new Nna(2).TryAggregate(vectors[2], Candidates.Memory(vectors), result, trace));
        Assert.Equal([1f / 3, 1f / 3, 1f / 3, 0f, 0f], trace.Weights);
    }

    [Fact]
    public void Absurd_vectors_up_to_f_change_nothing() =>
        (from honest in Candidates.Gen(3, 8)
         from absurd in Gen.Float[1e6f, 1e9f].Array[honest[0].Length]
         from pivot in Gen.Int[0, honest.Length - 1]
         select (honest, absurd, pivot)).Sample(t =>
         {
             float[] plain = new float[t.honest[0].Length];
             float[] attacked = new float[plain.Length];
             var memory = Candidates.Memory(t.honest);
             Assert.True(new Mean().TryAggregate(t.honest[t.pivot], memory, plain, null));
             Assert.True(new Nna(1).TryAggregate(t.honest[t.pivot], [.. memory, t.absurd], attacked, null));
             Assert.Equal(plain, attacked);
         });

    [Fact]
    public void Distances_survive_a_norm_that_is_much_larger_than_they_are()
    {
        float[][] vectors = Candidates.Normal(6, 100_003, seed: 5, spread: 1e-3f, offset: 100f);
        double[] squared = new double[6];
        SquaredDistance.FromPivot(vectors[2], Candidates.Memory(vectors), squared);
        for (int i = 0; i < 6; i++)
        {
            double expected = Candidates.SquaredDistance(vectors[2], vectors[i]);
            Assert.InRange(squared[i], expected * (1 - 1e-6), expected * (1 + 1e-6));
        }
    }

    [Fact]
    public void Pairwise_distances_and_weights_give_the_same_bits_as_each_node_for_itself()
    {
        float[][] vectors = Candidates.Normal(9, 9001, seed: 8);
        vectors[4][3] = float.NaN;
        var memory = Candidates.Memory(vectors);
        double[] all = new double[81];
        SquaredDistance.Pairwise(memory, all);
        string[] names = ["nnm+nna", "nnm+krum", "arc+cs-plus", "bucketing:2+mda", .. Aggregators.Names];
        foreach (IDistanceRule rule in names
            .Select(name => Aggregators.Create(name, 2)).Append(new Nna(3)).OfType<IDistanceRule>())
        {
            for (int i = 0; i < 9; i++)
            {
                if (i == 4)
                {
                    continue;
                }

                double[] row = new double[9];
                SquaredDistance.FromPivot(vectors[i], memory, row);
                Assert.Equal(row, all[(9 * i)..(9 * (i + 1))]);

                float[] expected = new float[9001];
                float[] actual = new float[9001];
                double[] weights = new double[9];
                Assert.True(rule.TryAggregate(vectors[i], memory, expected, null));
                Assert.True(rule.TryWeigh(all, i, weights));
                CandidateMean.Write(memory, weights, actual);
                Assert.Equal(expected, actual);
            }
        }
    }

    [Fact]
    public void Unequal_weights_give_the_weighted_sum()
    {
        float[] result = new float[2];
        CandidateMean.Write(Candidates.Memory([[1, 2], [float.NaN, 0], [3, 6]]), [0.25, 0, 0.75], result);
        Assert.Equal([2.5f, 5f], result);
        Assert.Throws<ArgumentException>(() => CandidateMean.Write(Candidates.Memory([[1, 2]]), [0], result));
    }

    [Fact]
    public void A_candidate_of_another_length_is_a_bug_and_said_so()
    {
        float[] result = new float[2];
        foreach (string name in Aggregators.Names)
        {
            Assert.Throws<ArgumentException>(() =>
                Aggregators.Create(name, 0).TryAggregate(new float[2], Candidates.Memory([[1, 2], [1]]), result, null));
        }
    }
}
