using P2PLearn.Learning.Data;
using P2PLearn.Learning.Partitioning;

namespace P2PLearn.Learning.Tests.Partitioning;

public sealed class PartitionerTests
{
    private static readonly LabelledImages Data = Images(6000);

    [Theory]
    [InlineData("iid")]
    [InlineData("sorted")]
    public void Every_image_goes_to_one_node_and_shares_are_equal(string name)
    {
        int[][] shares = Partitioners.Parse(name).Partition(Data, 7, seed: 1);
        Assert.Equal(Enumerable.Range(0, 6000), shares.SelectMany(s => s).Order());
        Assert.All(shares, s => Assert.InRange(s.Length, 857, 858));
    }

    [Theory]
    [InlineData("iid")]
    [InlineData("sorted")]
    [InlineData("dirichlet:0.3")]
    [InlineData("shards:2")]
    [InlineData("quantity-skew:0.3")]
    public void The_seed_fixes_the_shares(string name)
    {
        IPartitioner partitioner = Partitioners.Parse(name);
        Assert.Equal(partitioner.Partition(Data, 5, 42), partitioner.Partition(Data, 5, 42));
        if (name != "sorted")
        {
            Assert.NotEqual(partitioner.Partition(Data, 5, 42), partitioner.Partition(Data, 5, 43));
        }
    }

    [Fact]
    public void Every_node_gets_its_shards_and_few_classes()
    {
        int[][] shares = Partitioners.Parse("shards:2").Partition(Data, 10, seed: 3);

        Assert.Equal(Enumerable.Range(0, 6000), shares.SelectMany(s => s).Order());
        Assert.All(shares, s => Assert.Equal(600, s.Length));
        Assert.All(shares, s => Assert.InRange(s.Select(i => Data.Labels[i]).Distinct().Count(), 1, 2));
        Assert.Equal(
            "6000 examples cannot be cut into 6010 shards, 601 for each of 10 nodes",
            Assert.Throws<ArgumentException>(() => Partitioners.Parse("shards:601").Partition(Data, 10, 1)).Message);
    }

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.5)]
    [InlineData(1000)]
    public void Quantity_skew_deals_out_everything_in_unequal_parts_of_equal_mixture(double alpha)
    {
        int[][] shares = new QuantitySkewPartitioner(alpha).Partition(Data, 10, seed: 3);

        Assert.Equal(Enumerable.Range(0, 6000), shares.SelectMany(s => s).Order());
        Assert.All(shares, s => Assert.NotEmpty(s));
        int largest = shares.Max(s => s.Length);
        int[] allowed = alpha == 0.001 ? [5900, 5991] : alpha == 0.5 ? [900, 5000] : [600, 700];
        Assert.InRange(largest, allowed[0], allowed[1]);
        int[] counts = [.. shares.MaxBy(s => s.Length)!.CountBy(i => Data.Labels[i]).Select(c => c.Value)];
        Assert.Equal(10, counts.Length);
        Assert.All(counts, c => Assert.InRange(c, largest * 0.06, largest * 0.14));
    }

    [Fact]
    public void One_example_a_node_is_enough() =>
        Assert.All(["quantity-skew:0.1", "shards:1", "embedding:0.1"], name =>
            Assert.All(Partitioners.Parse(name).Partition(Images(10), 10, 5), s => Assert.Single(s)));

    [Fact]
    public void Sorted_shards_have_few_classes()
    {
        foreach (int[] share in Partitioners.Parse("sorted").Partition(Data, 10, 1))
        {
            Assert.Single(share.Select(i => Data.Labels[i]).Distinct());
        }
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(1.0)]
    [InlineData(1000.0)]
    public void Dirichlet_shares_are_without_repetition_and_not_larger_than_fair(double alpha)
    {
        int[][] shares = new DirichletPartitioner(alpha).Partition(Data, 6, 3);
        foreach (int[] share in shares)
        {
            Assert.Equal(share.Length, share.Distinct().Count());
            Assert.InRange(share.Length, 1, 1000);
        }

        if (alpha == 1000)
        {
            Assert.All(shares, s => Assert.InRange(s.Length, 990, 1000)); // each class rounds down
            Assert.All(shares, s => Assert.All(s.CountBy(i => Data.Labels[i]), c => Assert.InRange(c.Value, 80, 120)));
        }
    }

    [Fact]
    public void A_smaller_alpha_is_harsher()
    {
        double LargestClass(double alpha) => new DirichletPartitioner(alpha).Partition(Data, 20, 9)
            .Average(s => s.CountBy(i => Data.Labels[i]).Max(c => (double)c.Value / s.Length));
        double harsh = LargestClass(0.1);
        double mild = LargestClass(1);
        Assert.True(harsh > 0.5 && mild < 0.5 && LargestClass(100) < mild, $"{harsh} {mild}");
    }

    [Fact]
    public void A_class_that_has_too_few_images_is_taken_whole_and_nobody_gets_nothing()
    {
        // α so small that all gammas underflow: one class each.
        int[][] shares = new DirichletPartitioner(1e-9).Partition(Data, 2, 5);
        Assert.All(shares, s => Assert.Equal(600, s.Length));

        // Ten nodes of one image each: every class rounds down to nothing.
        Assert.All(new DirichletPartitioner(1000).Partition(Images(10), 10, 5), s => Assert.Single(s));
    }

    [Theory]
    [InlineData("shards", "unknown partition 'shards': use iid, dirichlet:ALPHA, sorted, shards:K, quantity-skew:ALPHA or embedding:ALPHA")]
    [InlineData("iid:1", "unknown partition 'iid:1': use iid, dirichlet:ALPHA, sorted, shards:K, quantity-skew:ALPHA or embedding:ALPHA")]
    [InlineData("shards:0", "partition 'shards:0': K must be a whole number of at least 1")]
    [InlineData("shards:1.5", "partition 'shards:1.5': K must be a whole number of at least 1")]
    [InlineData("shards:99999999999", "partition 'shards:99999999999': K must be a whole number of at least 1")]
    [InlineData("quantity-skew:0", "partition 'quantity-skew:0': ALPHA must be a positive number")]
    [InlineData("embedding:", "partition 'embedding:': ALPHA must be a positive number")]
    [InlineData("dirichlet:", "partition 'dirichlet:': ALPHA must be a positive number")]
    [InlineData("dirichlet:0", "partition 'dirichlet:0': ALPHA must be a positive number")]
    [InlineData("dirichlet:-1", "partition 'dirichlet:-1': ALPHA must be a positive number")]
    [InlineData("dirichlet:NaN", "partition 'dirichlet:NaN': ALPHA must be a positive number")]
    [InlineData("dirichlet:1,5", "partition 'dirichlet:1,5': ALPHA must be a positive number")]
    public void Anything_else_is_refused_in_one_line(string text, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => Partitioners.Parse(text)).Message);

    [Fact]
    public void Names_are_read_back()
    {
        Assert.All(["iid", "sorted", "dirichlet:0.5", "shards:2", "quantity-skew:0.5", "embedding:0.1"], name => Assert.Equal(name, Partitioners.Parse(name).Name));
        string message = Assert.Throws<ArgumentException>(() => Partitioners.Parse("iid").Partition(Images(3), 4, 1)).Message;
        Assert.Equal("3 images cannot be shared among 4 nodes", message);
    }

    private static LabelledImages Images(int count) => new(
        new byte[count], Enumerable.Range(0, count).Select(i => (byte)(i % 10)).ToArray(), 1, 1, 10);
}
