using P2PLearn.Learning.Experiments;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Tests.Experiments;

public sealed class GridTests
{
    [Fact]
    public void All_combinations_are_there_the_last_term_varied_first()
    {
        IReadOnlyList<GridCell> cells = Grid.Parse(["attack=none,foe", "byzantine=2", "seed=1..3"], new SimulationOptions { Model = "logistic" });
        Assert.Equal(
            ["attack=none,byzantine=2,seed=1", "attack=none,byzantine=2,seed=2", "attack=none,byzantine=2,seed=3",
             "attack=foe,byzantine=2,seed=1", "attack=foe,byzantine=2,seed=2", "attack=foe,byzantine=2,seed=3"],
            cells.Select(c => c.Name));
        Assert.Equal(("foe", 2, 3UL, "logistic"), (cells[5].Options.Attack, cells[5].Options.Byzantine, cells[5].Options.Seed, cells[5].Options.Model));
        Assert.Equal("attack=foe,byzantine=2", cells[5].GroupName);
        Assert.Equal("attack=foe,byzantine=2,seed=3.jsonl", cells[5].FileName);
    }

    [Fact]
    public void Every_setting_can_be_varied()
    {
        string[] values =
        [
            "nodes=12", "byzantine=3", "guard=2", "attack=foe", "aggregator=nnm+trimmed-mean", "topology=rpel-pull:5", "model=cnn", "partition=iid", "gradients=40",
            "local-steps=4", "mixing-rounds=3", "exchange-precision=float16", "batch=5", "latency=5-6", "bandwidth=10", "loss=0.1", "churn=0.1:4", "seed=7", "move-limit=2.5",
        ];
        Assert.Equal(SimulationKeys.Names, values.Select(v => v.Split('=')[0]));
        GridCell cell = Assert.Single(Grid.Parse(values, new SimulationOptions()));
        SimulationSettings settings = SimulationSettings.Of(cell.Options);
        Assert.Equal(
            new SimulationSettings(12, 3, "foe", "nnm+trimmed-mean", "cnn", "iid", 40, 4, 5, 7, "rpel-pull:5", 2)
            {
                MixingRounds = 3, ExchangePrecision = "float16", MoveLimit = 2.5, Latency = "5-6", Bandwidth = "10", Loss = 0.1, Churn = "0.1:4",
            },
            settings);
        Assert.DoesNotContain(':', cell.FileName);
    }

    [Theory]
    [InlineData("attack", "'attack' is no part of a grid: write key=value,value or key=1..3")]
    [InlineData("=1", "'=1' is no part of a grid: write key=value,value or key=1..3")]
    [InlineData("attack=", "'attack=' is no part of a grid: write key=value,value or key=1..3")]
    [InlineData("attack=foe,", "'attack=foe,' is no part of a grid: write key=value,value or key=1..3")]
    [InlineData("seed=1,1", "'seed=1,1' has a value twice")]
    [InlineData("seed=3..1", "'3..1' is no range of at most 10000 numbers, the smaller one first")]
    [InlineData("seed=1..2000000000", "'1..2000000000' is no range of at most 10000 numbers, the smaller one first")]
    [InlineData("seed=x", "seed is 'x', but must be a number")]
    [InlineData("loss=0.99", "loss=0.99: loss is 0.99, but must be in [0, 0.9]")]
    [InlineData("threads=2", "unknown setting 'threads' in the grid: use nodes, byzantine, guard, attack, aggregator, topology, model, partition, gradients, local-steps, mixing-rounds, exchange-precision, batch, latency, bandwidth, loss, churn, seed, move-limit")]
    public void What_cannot_be_run_is_refused_in_one_line(string term, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => Grid.Parse([term], new SimulationOptions())).Message);

    [Fact]
    public void A_combination_that_cannot_be_run_is_named()
    {
        string message = Assert.Throws<ArgumentException>(() => Grid.Parse(["nodes=11,4", "byzantine=2"], new SimulationOptions())).Message;
        Assert.Equal("nodes=4 byzantine=2: centred-clipping against 2 Byzantine nodes needs 5 nodes or more, not 4", message);
        Assert.Equal("the grid has 'seed' twice", Assert.Throws<ArgumentException>(() => Grid.Parse(["seed=1", "seed=2"], new SimulationOptions())).Message);
        Assert.Equal(
            "the grid has 40000 combinations, but at most 10000 are run",
            Assert.Throws<ArgumentException>(() => Grid.Parse(["seed=1..10000", "byzantine=1..4"], new SimulationOptions())).Message);
    }
}
