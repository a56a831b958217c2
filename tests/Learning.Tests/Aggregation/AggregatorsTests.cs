using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Tests.Aggregation;

/// <summary>Names and what is wrong with them.</summary>
public sealed class AggregatorsTests
{
    [Fact]
    public void The_registry_knows_each_rule_by_its_name()
    {
        Assert.All(Aggregators.Names, name => Assert.Equal(name, Aggregators.Create(name, 1).Name));
        string[] longer =
        [
            "nnm+trimmed-mean", "arc+nnm+trimmed-mean", "bucketing:2,seed=7+krum", "clipping:2.5+mean", "clipped-gossip:tau=1",
            "centred-clipping:tau=2,steps=5", "size-aware-mean:cap=4,clip=1.5",
        ];
        Assert.All(longer, name => Assert.Equal(name, Aggregators.Create(name, 1).Name));
        IPreAggregator[] steps = [new Arc(1), new Bucketing(2, 7), new Clipping(2.5), new Nnm(1)];
        Assert.Equal(["arc", "bucketing:2,seed=7", "clipping:2.5", "nnm"], steps.Select(step => step.Name));
    }

    [Fact]
    public void Only_the_quorum_rule_does_not_wait_for_all()
    {
        Assert.Equal(Heard.Quorum, Aggregators.HeardBy("nna-quorum"));
        Assert.Equal(Heard.Quorum, Aggregators.HeardBy("nnm+nna-quorum"));
        Assert.Equal(Heard.All, Aggregators.HeardBy("nna"));
        Assert.Equal(Heard.All, Aggregators.HeardBy("nnm+krum"));
    }

    [Theory]
    [InlineData("krumm", "unknown aggregator 'krumm': use centred-clipping, nna, nna-quorum, trimmed-mean, mean, median, mean-around-median, geometric-median, krum, multi-krum, mda, caf, clipped-gossip, cs-plus, size-aware-mean")]
    [InlineData("krum+mean", "unknown pre-aggregator 'krum': use nnm, arc, bucketing, clipping before a plus sign")]
    [InlineData("nnm+", "unknown aggregator '': use centred-clipping, nna, nna-quorum, trimmed-mean, mean, median, mean-around-median, geometric-median, krum, multi-krum, mda, caf, clipped-gossip, cs-plus, size-aware-mean")]
    [InlineData("krum:3", "aggregator 'krum:3': krum takes no value without a key")]
    [InlineData("clipped-gossip:tua=3", "aggregator 'clipped-gossip:tua=3': clipped-gossip has no parameter 'tua'")]
    [InlineData("clipped-gossip:tau=-1", "aggregator 'clipped-gossip:tau=-1': tau is '-1', not a number above 0")]
    [InlineData("clipped-gossip:tau=NaN", "aggregator 'clipped-gossip:tau=NaN': tau is 'NaN', not a number above 0")]
    [InlineData("centred-clipping:steps=101", "aggregator 'centred-clipping:steps=101': steps is '101', not a whole number from 1 to 100")]
    [InlineData("centred-clipping:steps=1,steps=2", "aggregator 'centred-clipping:steps=1,steps=2': after the colon come key=value pairs, separated by commas")]
    [InlineData("size-aware-mean:cap=0.5", "size-aware-mean: cap is at least 1")]
    [InlineData("bucketing+krum", "aggregator 'bucketing': bucketing needs a value, as in 'bucketing:2'")]
    [InlineData("bucketing:0+krum", "aggregator 'bucketing:0': the value is '0', not a whole number from 1 to 1000")]
    [InlineData("bucketing:2,seed=x+krum", "aggregator 'bucketing:2,seed=x': seed is 'x', not a whole number")]
    [InlineData("clipping+krum", "aggregator 'clipping': clipping needs a value, as in 'clipping:2'")]
    [InlineData("bucketing:2+nna", "aggregator 'bucketing:2+nna': after bucketing nothing can look at this node's own model")]
    [InlineData("bucketing:2+arc+krum", "aggregator 'bucketing:2+arc+krum': after bucketing nothing can look at this node's own model")]
    [InlineData("arc+arc+arc+arc+krum", "an aggregator has at most 128 characters and 4 parts")]
    public void What_is_wrong_with_a_name_is_said_in_one_line(string name, string error)
    {
        Assert.Equal(error, Aggregators.FindError(name, 1));
        Assert.Equal(error, Assert.Throws<ArgumentException>(() => Aggregators.Create(name, 1)).Message);
    }

    [Fact]
    public void Bounds_of_f_and_of_the_length_of_a_name()
    {
        Assert.Equal("the number of Byzantine nodes is -1, but cannot be negative", Aggregators.FindError("nna", -1));
        Assert.Equal("mda bears at most 16 Byzantine nodes, not 17", Aggregators.FindError("mda", 17));
        Assert.Null(Aggregators.FindError("mda", 16));
        Assert.NotNull(Aggregators.FindError(new string('x', Aggregators.MaxLength + 1), 1));
    }

    [Theory]
    [InlineData("krum", 2, 7)]
    [InlineData("nnm+krum", 2, 7)]
    [InlineData("bucketing:2+krum", 2, 13)]
    [InlineData("bucketing:3+median", 1, 7)]
    [InlineData("cs-plus", 2, 5)]
    public void A_chain_asks_for_as_many_candidates_as_its_rule_needs_after_it(string name, int f, int candidates) =>
        Assert.Equal(candidates, Aggregators.Create(name, f).MinCandidates);
}
