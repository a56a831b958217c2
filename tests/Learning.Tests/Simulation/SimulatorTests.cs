using System.Text.Json;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Tests.Simulation;

/// <summary>Small runs on real MNIST with logistic regression: seconds, yet the whole path from training to report.</summary>
public sealed class SimulatorTests
{
    private static readonly Lazy<TrainAndTest> Data = new(() => Mnist.Load(DataFolder()));

    private static readonly SimulationOptions Small = new()
    {
        Nodes = 6,
        Byzantine = 1,
        Model = "logistic",
        Gradients = 30,
        LocalSteps = 10,
        Partition = "iid",
    };

    [Theory]
    [InlineData("none", "nna")]
    [InlineData("alie", "nna")]
    [InlineData("foe", "nna-quorum")]
    [InlineData("sign-flip", "trimmed-mean")]
    [InlineData("label-flip", "nna")]
    [InlineData("nan", "nna")]
    [InlineData("nan", "trimmed-mean")]
    public void The_honest_learn_under_every_attack(string attack, string aggregator)
    {
        SimulationReport report = Run(Small with { Attack = attack, Aggregator = aggregator });
        Assert.InRange(report.HonestWorstAccuracy, 0.75, 1);
        Assert.InRange(report.HonestMeanAccuracy, report.HonestWorstAccuracy, 1);
        Assert.Equal(3, report.Rounds);
        int honest = attack == "none" ? 6 : 5;
        Assert.Equal(honest, report.PerNode.Count(n => n.Honest));
        Assert.All(report.PerNode.Where(n => n.Honest), n => Assert.Equal(3, n.Mixed));
        Assert.All(report.PerNode.Where(n => !n.Honest), n => Assert.Null(n.Accuracy));

        // Three rounds of five models of 7,850 floats.
        Assert.Equal(3 * 5 * 7850 * 4, report.BytesPerNode);
    }

    [Theory]
    [InlineData("foe")]
    [InlineData("nan")]
    public void The_plain_mean_breaks_where_the_robust_rule_does_not(string attack)
    {
        SimulationOptions options = Small with { Attack = attack, Byzantine = 2 };
        SimulationReport defended = Run(options);
        SimulationReport control = Run(options with { Aggregator = "mean" });
        Assert.True(control.HonestMeanAccuracy < defended.HonestMeanAccuracy - 0.1,
            $"mean {control.HonestMeanAccuracy}, nna {defended.HonestMeanAccuracy}");
        Assert.Equal(4 * 3 * 2, defended.PerNode.Sum(n => n.KeptByzantine + n.RejectedByzantine));
        Assert.Equal(4 * 3 * 2, control.PerNode.Sum(n => n.KeptByzantine));
        if (attack == "nan")
        {
            Assert.Equal(0, defended.PerNode.Sum(n => n.KeptByzantine));
        }
    }

    [Fact]
    public void Alone_nobody_hears_anybody()
    {
        SimulationReport report = Run(Small with { Aggregator = SimulationOptions.Alone, Attack = "foe", Partition = "dirichlet:0.1" });
        Assert.Equal(0, report.BytesPerNode);
        Assert.True(report.PerNode.Where(n => n.Honest).Select(n => n.Accuracy).Distinct().Count() > 1);
        Assert.InRange(report.HonestMeanAccuracy, 0.1, 0.85);
    }

    [Fact]
    public void The_same_settings_give_the_same_bits_whatever_the_threads()
    {
        SimulationOptions options = Small with { Attack = "alie", Partition = "dirichlet:1" };
        SimulationReport first = Run(options);
        Assert.Equal(first.ModelHash, Run(options).ModelHash);
        Assert.Equal(first.ModelHash, Run(options with { Threads = 2 }).ModelHash);
        Assert.NotEqual(first.ModelHash, Run(options with { Seed = 2 }).ModelHash);
    }

    [Fact]
    public void A_slow_node_catches_up_and_delays_nobody_for_long()
    {
        // Ninety times slower than the rest, while nobody waits longer than twenty times their training.
        var slow = new Dictionary<int, double> { [2] = 90 };
        SimulationReport report = Run(Small with { Gradients = 120, Slowness = slow });
        Assert.InRange(report.HonestWorstAccuracy, 0.75, 1);
        Assert.True(report.PerNode[2].Mixed < 12, $"{report.PerNode[2].Mixed} rounds mixed");
        Assert.All(report.PerNode.Where((_, i) => i != 2), n => Assert.Equal(12, n.Mixed));
    }

    [Fact]
    public void Progress_is_told_round_by_round()
    {
        var told = new List<SimulationProgress>();
        Simulator.Run(Small, Data.Value.Train, Data.Value.Test, new Listener(told), CancellationToken.None);
        Assert.Equal([new(1, 3), new(2, 3), new(3, 3)], told);
    }

    [Fact]
    public void It_can_be_cancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            Simulator.Run(Small, Data.Value.Train, Data.Value.Test, null, source.Token));
    }

    [Fact]
    public void The_report_is_one_line_of_json_with_the_promised_names()
    {
        string json = Run(Small with { Attack = "foe", Gradients = 10 }).ToJson();
        Assert.DoesNotContain('\n', json);
        JsonElement root = JsonDocument.Parse(json).RootElement;
        Assert.InRange(root.GetProperty("honest_mean_accuracy").GetDouble(), 0, 1);
        Assert.InRange(root.GetProperty("honest_worst_accuracy").GetDouble(), 0, 1);
        Assert.Equal(1, root.GetProperty("rounds").GetInt32());
        Assert.True(root.GetProperty("bytes_per_node").GetInt64() > 0);
        Assert.True(root.GetProperty("seconds").GetDouble() > 0);
        Assert.Equal(64, root.GetProperty("model_hash").GetString()!.Length);
        Assert.Equal("dirichlet:1", Run(Small with { Gradients = 10, Partition = "dirichlet:1" }).Settings.Partition);
        Assert.Equal(10, root.GetProperty("settings").GetProperty("local_steps").GetInt32());
        JsonElement node = root.GetProperty("per_node")[0];
        Assert.Equal("node-0", node.GetProperty("node").GetString());
        Assert.True(node.GetProperty("honest").GetBoolean());
        Assert.True(node.TryGetProperty("kept_byzantine", out _));
        Assert.Equal(JsonValueKind.Null, root.GetProperty("per_node")[5].GetProperty("accuracy").ValueKind);
    }

    public static TheoryData<SimulationOptions, string> BadOptions { get; } = new()
    {
        { new() { Nodes = 0 }, "nodes is 0, but must be in [1, 10000]" },
        { new() { Byzantine = -1 }, "byzantine is -1, but must be in [0, 10]" },
        { new() { Byzantine = 11 }, "byzantine is 11, but must be in [0, 10]" },
        { new() { Byzantine = 6 }, "nna against 6 Byzantine nodes needs 13 nodes or more, not 11" },
        { new() { Byzantine = 4, Aggregator = "nna-quorum" }, "nna-quorum against 4 Byzantine nodes needs 13 nodes or more, not 11" },
        { new() { LocalSteps = 0 }, "local-steps is 0, but must be in [1, 1000000]" },
        { new() { Gradients = 10 }, "gradients is 10, but must be in [20, 100000000]" },
        { new() { Gradients = 305 }, "gradients is 305, but must be a multiple of local-steps, 20" },
        { new() { Batch = 0 }, "batch is 0, but must be in [1, 10000]" },
        { new() { Threads = 0 }, "threads is 0, but must be in [1, 64]" },
        { new() { Model = "gpt" }, "unknown model 'gpt': use cnn, logistic, mlp" },
        { new() { Attack = "x" }, "unknown attack 'x': use none, alie, foe, sign-flip, label-flip, nan" },
        { new() { Aggregator = "x" }, "unknown aggregator 'x': use nna, nna-quorum, trimmed-mean, mean or alone" },
        { new() { Partition = "x" }, "unknown partition 'x': use iid, dirichlet:ALPHA or sorted" },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_setting_out_of_range_is_refused_in_one_line(SimulationOptions options, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(options.Validate).Message);

    private static SimulationReport Run(SimulationOptions options) =>
        Simulator.Run(options, Data.Value.Train, Data.Value.Test, null, CancellationToken.None);

    private static string DataFolder()
    {
        DirectoryInfo folder = new(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "data", "mnist")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("data/mnist is not above the tests");
        }

        return Path.Combine(folder.FullName, "data", "mnist");
    }

    private sealed class Listener(List<SimulationProgress> told) : IProgress<SimulationProgress>
    {
        public void Report(SimulationProgress value) => told.Add(value);
    }
}
