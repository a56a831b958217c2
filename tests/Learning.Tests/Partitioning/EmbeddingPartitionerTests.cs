using P2PLearn.Learning.Data;
using P2PLearn.Learning.Partitioning;

namespace P2PLearn.Learning.Tests.Partitioning;

public sealed class EmbeddingPartitionerTests
{
    private static readonly LabelledImages Data = new(
        new byte[6000], Enumerable.Range(0, 6000).Select(i => (byte)(i % 10)).ToArray(), 1, 1, 10);

    [Fact]
    public void A_large_alpha_gives_everybody_the_same_histogram()
    {
        int[][] shares = OneHot(1e6).Partition(Data, 6, seed: 42);

        foreach (int[] share in shares)
        {
            int[] counts = Histogram(share);
            double expected = share.Length / 10.0;
            double chiSquare = counts.Sum(c => (c - expected) * (c - expected) / expected);
            Assert.True(chiSquare < 16.9, $"chi-square {chiSquare} of {string.Join(' ', counts)}"); // 9 degrees of freedom, 5 %
            Assert.InRange(share.Length, 900, 1000);
        }
    }

    [Fact]
    public void A_small_alpha_gives_about_one_cluster_each()
    {
        int[][] shares = OneHot(1e-3).Partition(Data, 10, seed: 42);

        Assert.True(shares.Average(s => (double)Histogram(s).Max() / s.Length) > 0.9);
        AssertDisjoint(shares);
    }

    [Theory]
    [InlineData(0.5, 25)]
    [InlineData(1e-9, 25)] // no draw can be enough for all: the fallback
    [InlineData(1, 1)]
    [InlineData(10, 5999)]
    public void Shares_are_disjoint_and_none_is_empty(double alpha, int nodes) => AssertDisjoint(OneHot(alpha).Partition(Data, nodes, seed: 7));

    [Theory]
    [InlineData(5, 10)] // as many peers as clusters: one fit, which leaves some peers next to nothing
    [InlineData(20, 25)]
    public void Everybody_has_enough_when_alpha_is_not_small(double alpha, int nodes)
    {
        int[][] shares = OneHot(alpha).Partition(Data, nodes, seed: 1);

        Assert.All(shares, s => Assert.InRange(s.Length, EmbeddingPartitioner.MinShare(6000, nodes), 6000));
        Assert.Equal(128, EmbeddingPartitioner.MinShare(60_000, 25));
    }

    [Fact]
    public void The_seed_fixes_the_shares()
    {
        Assert.Equal(OneHot(1).Partition(Data, 5, 42), OneHot(1).Partition(Data, 5, 42));
        Assert.NotEqual(OneHot(1).Partition(Data, 5, 42), OneHot(1).Partition(Data, 5, 43));
    }

    [Fact]
    public void One_hot_embeddings_make_the_clusters_the_labels()
    {
        (float[] points, int width) = LabelsAsPoints(Data);
        int[] clusters = KMeans.Cluster(points, width, 10, new SeededRandom(42));

        Assert.All(Enumerable.Range(0, 10), label =>
            Assert.Single(Enumerable.Range(0, 6000).Where(i => Data.Labels[i] == label).Select(i => clusters[i]).Distinct()));
    }

    [Fact]
    public void Clusters_are_found_among_noise()
    {
        var random = new SeededRandom(1);
        float[] points = new float[600];
        for (int i = 0; i < 300; i++)
        {
            points[2 * i] = (float)((20 * (i % 3)) + random.NextGaussian());
            points[(2 * i) + 1] = (float)random.NextGaussian();
        }

        int[] clusters = KMeans.Cluster(points, 2, 3, new SeededRandom(2));

        Assert.All(Enumerable.Range(0, 300), i => Assert.Equal(clusters[i % 3], clusters[i]));
        Assert.Equal(3, clusters.Distinct().Count());
        Assert.All(KMeans.Cluster(new float[20], 2, 4, random), c => Assert.Equal(0, c)); // all points the same
    }

    [Fact]
    public void Without_an_embedding_pixels_that_look_alike_stay_together()
    {
        // Two kinds of image, whose labels say nothing about them.
        var random = new SeededRandom(5);
        byte[] pixels = new byte[400 * 64];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)(((i / 64) % 2 == 0 ? 20 : 200) + random.NextInt32(20));
        }

        var images = new LabelledImages(pixels, Enumerable.Range(0, 400).Select(i => (byte)(i / 2 % 2)).ToArray(), 8, 8, 2);

        int[][] shares = new EmbeddingPartitioner(0.01).Partition(images, 4, seed: 3);

        Assert.True(shares.Average(s => Math.Max(s.Count(i => i % 2 == 0), s.Count(i => i % 2 == 1)) / (double)s.Length) > 0.85);
        Assert.Equal(400, shares.SelectMany(s => s).Count(i => i is >= 0 and < 400) + Unused(shares));
    }

    [Fact]
    public void A_dirichlet_draw_sums_to_one_and_has_its_means()
    {
        var random = new SeededRandom(9);
        double[] mean = new double[3];
        for (int i = 0; i < 4000; i++)
        {
            double[] draw = DirichletDraw.Draw([1, 2, 1], random);
            Assert.Equal(1, draw.Sum(), 1e-9);
            for (int k = 0; k < 3; k++)
            {
                mean[k] += draw[k] / 4000;
            }
        }

        Assert.Equal(0.25, mean[0], 0.02);
        Assert.Equal(0.5, mean[1], 0.02);
        Assert.Equal([0, 1, 0], DirichletDraw.Draw([0, 1e-12, 0], random));
    }

    private static int Unused(int[][] shares) => 400 - shares.Sum(s => s.Length);

    private static void AssertDisjoint(int[][] shares)
    {
        int[] all = [.. shares.SelectMany(s => s)];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.All(shares, s => Assert.NotEmpty(s));
    }

    private static int[] Histogram(int[] share)
    {
        int[] counts = new int[10];
        foreach (int i in share)
        {
            counts[Data.Labels[i]]++;
        }

        return counts;
    }

    private static EmbeddingPartitioner OneHot(double alpha) => new(alpha, LabelsAsPoints);

    private static (float[] Points, int Width) LabelsAsPoints(LabelledExamples data)
    {
        float[] points = new float[data.Count * 10];
        for (int i = 0; i < data.Count; i++)
        {
            points[(10 * i) + data.Labels[i]] = 1;
        }

        return (points, 10);
    }
}
