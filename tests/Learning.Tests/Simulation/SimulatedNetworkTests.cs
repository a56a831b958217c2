using P2PLearn.Learning.Data;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Tests.Simulation;

/// <summary>What a network of delays, narrow links, broken transfers and leaving nodes does to a run.</summary>
public sealed class SimulatedNetworkTests
{
    private static readonly TrainAndTest Data = SimulationData.Load();

    private static readonly SimulationOptions Small = new()
    {
        Nodes = 9,
        Byzantine = 1,
        Model = "logistic",
        Gradients = 60,
        LocalSteps = 10,
        Partition = "iid",
    };

    [Theory]
    [InlineData("all", "alie")]
    [InlineData("rpel-pull:4", "foe")]
    [InlineData("el-push:3", "none")]
    public void Under_all_of_it_the_honest_learn_and_a_run_repeats_bit_for_bit_whatever_the_threads(string topology, string attack)
    {
        SimulationOptions options = Small with
        {
            Topology = topology,
            Attack = attack,
            Network = new NetworkOptions { Latency = new(5, 300), Bandwidth = new(1, 10), Loss = 0.2, Churn = 0.15, AwaySeconds = 2 },
        };
        var rounds = new List<SimulationRound>();
        SimulationReport first = Run(options, rounds.Add);
        Assert.InRange(first.HonestMeanAccuracy, 0.75, 1);
        Assert.True(first.Departures > 0, "nobody left");
        Assert.True(first.BrokenTransfers > 0, "nothing broke");
        Assert.Equal([1, 2, 3, 4, 5, 6], rounds.Select(r => r.Round));
        Assert.True(rounds[^1].Disagreement > 0);

        var again = new List<SimulationRound>();
        SimulationReport second = Run(options with { Threads = 2 }, again.Add);
        Assert.Equal(first.ModelHash, second.ModelHash);
        Assert.Equal(first.VirtualSeconds, second.VirtualSeconds);
        Assert.Equal(first.BytesPerNode, second.BytesPerNode);
        Assert.Equal(rounds.Select(Line), again.Select(Line));
        Assert.NotEqual(first.ModelHash, Run(options with { Seed = 2 }, null).ModelHash);
    }

    [Fact]
    public void A_latency_is_waited_for_in_each_round_and_changes_no_model()
    {
        SimulationReport near = Run(Small with { Network = new() { Latency = new(10, 10) } }, null);
        SimulationReport far = Run(Small with { Network = new() { Latency = new(400, 400) } }, null);
        Assert.Equal(6 * 1.01, near.VirtualSeconds, 0.001);
        Assert.Equal(6 * 1.4, far.VirtualSeconds, 0.001);
        Assert.Equal(near.ModelHash, far.ModelHash);
    }

    [Fact]
    public void A_link_carries_one_model_after_the_other_each_way()
    {
        // 31,400 bytes at 1 Mbit/s take 0.2512 s. Eight are sent one after the other, and so they come: the last one's bytes 9 times that after the start.
        var network = new NetworkOptions { Latency = new(10, 10), Bandwidth = new(1, 1) };
        SimulationReport report = Run(Small with { Network = network }, null);
        Assert.InRange(report.VirtualSeconds, 6 * (1.01 + (8 * 0.2512)), 6 * (1.01 + (16 * 0.2512)));
        SimulationReport wide = Run(Small with { Network = network with { Bandwidth = new(1000, 1000) } }, null);
        Assert.InRange(wide.VirtualSeconds, 6 * 1.01, 6 * 1.02);
        Assert.Equal(wide.BytesPerNode, report.BytesPerNode);
    }

    [Fact]
    public void What_broke_is_fetched_and_almost_all_of_it_mixed_all_the_same()
    {
        SimulationReport whole = Run(Small, null);
        SimulationReport broken = Run(Small with { Network = new() { Loss = 0.1 } }, null);
        Assert.InRange(broken.BytesPerNode, 0.99 * whole.BytesPerNode, whole.BytesPerNode); // what breaks four times in a row is too late
        Assert.InRange(broken.HonestMeanAccuracy, whole.HonestMeanAccuracy - 0.01, whole.HonestMeanAccuracy + 0.01);
        Assert.InRange(broken.BrokenTransfers, 1, 6 * 9 * 8);
        Assert.True(broken.VirtualSeconds > whole.VirtualSeconds + 1, $"{whole.VirtualSeconds} and {broken.VirtualSeconds} s");
    }

    [Theory]
    [InlineData("all")]
    [InlineData("random-regular:4")]
    public void Who_comes_back_goes_on_with_the_others(string topology)
    {
        SimulationOptions options = Small with { Gradients = 200, Topology = topology, Attack = "sign-flip", Byzantine = 1 };
        SimulationReport report = Run(options with { Network = new() { Churn = 0.1, AwaySeconds = 3 } }, null);
        Assert.InRange(report.Departures, 5, 80);
        Assert.InRange(report.HonestWorstAccuracy, 0.75, 1);
        Assert.Contains(report.PerNode.Where(n => n.Honest), n => n.Mixed < 20);
        Assert.InRange(report.VirtualSeconds, 20, 40); // nobody waits for those who are away
    }

    [Fact]
    public void Rounds_are_told_with_what_the_honest_are_like()
    {
        var rounds = new List<SimulationRound>();
        SimulationReport report = Run(Small with { Attack = "nan", Byzantine = 2, MeasuredNodes = 7 }, rounds.Add);
        Assert.All(rounds, r => Assert.Equal((7, 7, 7), (r.Present, r.Mixed, r.Measured)));
        Assert.All(rounds, r => Assert.Equal([0, 0], r.KeptShareOfEach));
        Assert.All(rounds, r => Assert.Equal(r.Round * 8L * 7850 * 4, r.BytesPerNode));
        Assert.All(rounds, r => Assert.True(r.Disagreement >= 0 && r.TrainLoss > 0 && r.TestLoss > 0));
        Assert.Equal(report.HonestMeanAccuracy, rounds[^1].AccuracyMean!.Value, 1e-6);
        Assert.Equal(report.HonestWorstAccuracy, rounds[^1].AccuracyWorst);
        Assert.True(rounds[^1].AccuracyMean > rounds[0].AccuracyMean);
        Assert.True(rounds.Zip(rounds.Skip(1)).All(pair => pair.First.VirtualSeconds < pair.Second.VirtualSeconds));
    }

    [Fact]
    public void Honest_nodes_that_mix_alike_do_not_disagree()
    {
        var rounds = new List<SimulationRound>();
        Run(Small with { Aggregator = "mean" }, rounds.Add);
        Assert.All(rounds, r => Assert.InRange(r.Disagreement!.Value, 0, 1e-5));
    }

    [Fact]
    public void Three_hundred_nodes_that_pull_from_few_take_the_memory_of_their_models_and_no_more()
    {
        SimulationOptions options = Small with
        {
            Nodes = 300, Byzantine = 30, Attack = "alie", Topology = "rpel-pull:16", Gradients = 20, LocalSteps = 5, Threads = 2,
        };
        Assert.Equal(8, options.FaultySources); // far below 30
        SimulationReport report = Run(options, null);
        Assert.InRange(report.HonestWorstAccuracy, 0.6, 1);

        // Model, momentum, both again for the outer step and contribution of each honest node, and one contribution in four more for those who are a round ahead.
        Assert.InRange(report.PeakModelBytes, 5L * 270 * 7850 * 4, (long)(5.25 * 270 * 7850 * 4));
        Assert.Equal(4L * 16 * 7850 * 4, report.BytesPerNode);
        Assert.All(report.PerNode.Where(n => n.Honest), n => Assert.Equal(4, n.Mixed));
        Assert.Equal(0, report.BeyondGuard);
    }

    [Fact]
    public void A_guard_takes_the_place_of_the_topologys_choice_and_it_is_counted_how_often_it_was_too_low()
    {
        SimulationOptions options = Small with { Nodes = 60, Byzantine = 12, Attack = "nan", Topology = "rpel-pull:8" };
        Assert.Throws<ArgumentException>(options.Validate); // no f' of 8 is safe
        SimulationReport report = Run(options with { Guard = 3 }, null);
        Assert.Equal(3, report.Settings.FaultySources);
        Assert.InRange(report.BeyondGuard, 1, 6 * 48 / 4);
        Assert.Equal(0, report.PerNode.Sum(n => n.KeptByzantine)); // what is not finite is never kept
    }

    [Fact]
    public void A_node_that_hears_an_attacker_majority_is_not_thrown_out_by_it()
    {
        SimulationOptions options = Small with
        {
            Nodes = 60, Byzantine = 15, Attack = "alie", Topology = "rpel-pull:7", Guard = 2, Gradients = 120, LocalSteps = 10, Seed = 2, Partition = "iid",
        };
        SimulationReport without = Run(options with { MoveLimit = 0 }, null);
        Assert.InRange(without.HonestWorstAccuracy, 0, 0.5);
        Assert.Equal(0, without.Limited);

        SimulationReport report = Run(options, null);
        Assert.InRange(report.HonestWorstAccuracy, 0.85, 1);
        Assert.InRange(report.Limited, 1, report.PerNode.Sum(n => n.Mixed) / 10);
        Assert.Equal(report.ModelHash, Run(options with { Threads = 2 }, null).ModelHash);
    }

    [Theory]
    [InlineData("20", 20, 20)]
    [InlineData("1-50", 1, 50)]
    [InlineData("0.5-2.25", 0.5, 2.25)]
    public void A_range_is_read(string text, double least, double most)
    {
        NumberRange range = NumberRange.Parse(text, "latency");
        Assert.Equal(new NumberRange(least, most), range);
        Assert.Equal(text, range.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("-5")]
    [InlineData("50-1")]
    [InlineData("1-2-3")]
    [InlineData("5ms")]
    [InlineData("NaN")]
    public void A_range_that_is_none_is_refused_in_one_line(string text) =>
        Assert.StartsWith($"latency is '{text}', but must be", Assert.Throws<ArgumentException>(() => NumberRange.Parse(text, "latency")).Message);

    [Fact]
    public void A_churn_is_a_chance_with_or_without_a_time()
    {
        Assert.Equal((0.05, 3), Values(new NetworkOptions().WithChurn("0.05")));
        Assert.Equal((0.05, 10), Values(new NetworkOptions().WithChurn("0.05:10")));
        Assert.StartsWith("churn is 'x', but must be", Assert.Throws<ArgumentException>(() => new NetworkOptions().WithChurn("x")).Message);
        Assert.Throws<ArgumentException>(() => new NetworkOptions().WithChurn("0.1:2:3"));
    }

    private static (double Chance, double Away) Values(NetworkOptions options) => (options.Churn, options.AwaySeconds);

    private static string Line(SimulationRound round) => $"{round} {string.Join(' ', round.KeptShareOfEach)}".Replace(round.KeptShareOfEach.ToString()!, "", StringComparison.Ordinal);

    private static SimulationReport Run(SimulationOptions options, Action<SimulationRound>? onRound) =>
        Simulator.Run(options, Data.Train, Data.Test, null, onRound, CancellationToken.None);
}
