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
    [InlineData("shards", "unknown partition 'shards': use iid, dirichlet:ALPHA or sorted")]
    [InlineData("dirichlet", "unknown partition 'dirichlet': use iid, dirichlet:ALPHA or sorted")]
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
        Assert.All(["iid", "sorted", "dirichlet:0.5"], name => Assert.Equal(name, Partitioners.Parse(name).Name));
        string message = Assert.Throws<ArgumentException>(() => Partitioners.Parse("iid").Partition(Images(3), 4, 1)).Message;
        Assert.Equal("3 images cannot be shared among 4 nodes", message);
    }

    private static LabelledImages Images(int count) => new(
        new byte[count], Enumerable.Range(0, count).Select(i => (byte)(i % 10)).ToArray(), 1, 1, 10);
}
