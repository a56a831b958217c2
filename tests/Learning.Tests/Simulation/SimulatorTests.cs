using System.Text.Json;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
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
    [InlineData("mimic", "nna")]
    [InlineData("gaussian", "nna")]
    [InlineData("replay", "nna")]
    [InlineData("sparse-alie", "nna")]
    [InlineData("sparse-foe", "trimmed-mean")]
    [InlineData("dissensus", "nna")]
    [InlineData("dissensus", "nna-quorum")]
    [InlineData("spectral", "nna")]
    [InlineData("drift", "nna")]
    [InlineData("drift", "trimmed-mean")]
    [InlineData("split", "nna")]
    [InlineData("alie", "centred-clipping")]
    [InlineData("mimic", "centred-clipping")]
    [InlineData("split", "centred-clipping")]
    [InlineData("alie", "size-aware-mean")]
    [InlineData("foe", "size-aware-mean")]
    public void The_honest_learn_under_every_attack(string attack, string aggregator)
    {
        SimulationReport report = Run(Small with { Attack = attack, Aggregator = aggregator });
        Assert.InRange(report.HonestWorstAccuracy, 0.75, 1);
        Assert.InRange(report.HonestMeanAccuracy, report.HonestWorstAccuracy - 1e-9, 1);
        Assert.Equal(3, report.Rounds);
        int honest = attack == "none" ? 6 : 5;
        Assert.Equal(honest, report.PerNode.Count(n => n.Honest));
        Assert.All(report.PerNode.Where(n => n.Honest), n => Assert.Equal(3, n.Mixed));
        Assert.All(report.PerNode.Where(n => !n.Honest), n => Assert.Null(n.Accuracy));

        // Three rounds of five models of 7,850 floats.
        Assert.Equal(3 * 5 * 7850 * 4, report.BytesPerNode);
    }

    [Theory]
    [InlineData("mean", "none")]
    [InlineData("nna", "none")]
    [InlineData("nna", "alie")]
    [InlineData("centred-clipping", "foe")]
    public void More_rounds_of_mixing_bring_the_honest_closer(string aggregator, string attack)
    {
        var disagreement = new Dictionary<int, double>();
        foreach (int mixingRounds in (int[])[1, 3])
        {
            var rounds = new List<SimulationRound>();
            SimulationOptions options = Small with
            {
                Aggregator = aggregator, Attack = attack, Partition = "dirichlet:0.1", MixingRounds = mixingRounds, OuterOptimizer = "none",
            };
            SimulationReport report = Run(options, rounds.Add);

            Assert.Equal((3 * mixingRounds, mixingRounds), (report.Rounds, report.Settings.MixingRounds));
            Assert.Equal(3 * mixingRounds * 5 * 7850 * 4, report.BytesPerNode);
            Assert.All(report.PerNode.Where(n => n.Honest), n => Assert.Equal(3 * mixingRounds, n.Mixed));
            Assert.Equal(report.ModelHash, Run(options with { Threads = 2 }).ModelHash);
            disagreement[mixingRounds] = rounds[^1].Disagreement!.Value;
            if (aggregator == "mean")
            {
                Assert.InRange(disagreement[mixingRounds], 0, 1e-6); // everybody has the mean after the first, and the mean of that is the same
            }
        }

        Assert.True(disagreement[3] <= (disagreement[1] * 0.9) + 1e-6, $"{disagreement[1]} with one, {disagreement[3]} with three");
    }

    [Theory]
    [InlineData("none", "nna")]
    [InlineData("alie", "centred-clipping")]
    [InlineData("split", "nna")]
    [InlineData("nan", "trimmed-mean")]
    [InlineData("label-flip", "nna")]
    public void As_float16_half_the_bytes_travel_and_the_honest_learn_as_well(string attack, string aggregator)
    {
        SimulationOptions options = Small with { Attack = attack, Aggregator = aggregator, ExchangePrecision = ExchangePrecision.Float16 };
        SimulationReport report = Run(options);

        Assert.Equal(3 * 5 * 7850 * 2, report.BytesPerNode);
        Assert.Equal("float16", report.Settings.ExchangePrecision);
        Assert.Equal(report.ModelHash, Run(options with { Threads = 2 }).ModelHash);
        SimulationReport full = Run(options with { ExchangePrecision = ExchangePrecision.Float32 });
        Assert.NotEqual(full.ModelHash, report.ModelHash);
        Assert.InRange(report.HonestWorstAccuracy, full.HonestWorstAccuracy - 0.01, 1);
    }

    [Theory]
    [InlineData("foe")]
    [InlineData("nan")]
    public void The_plain_mean_breaks_where_the_robust_rule_does_not(string attack)
    {
        SimulationOptions options = Small with { Attack = attack, Byzantine = 2, Aggregator = "nna" };
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

    [Theory]
    [InlineData("dissensus", "all")]
    [InlineData("gaussian", "rpel-pull:4")]
    [InlineData("drift", "changing-regular:4")]
    public void Attackers_with_a_memory_and_changing_graphs_repeat_bit_for_bit(string attack, string topology)
    {
        SimulationOptions options = Small with { Attack = attack, Topology = topology, Partition = "dirichlet:1", Nodes = 9 };
        SimulationReport first = Run(options);
        Assert.Equal(first.ModelHash, Run(options with { Threads = 2 }).ModelHash);
        Assert.NotEqual(first.ModelHash, Run(options with { Seed = 2 }).ModelHash);
    }

    [Theory]
    [InlineData("ring", 2)]
    [InlineData("random-regular:4", 4)]
    [InlineData("changing-regular:4", 4)]
    [InlineData("rpel-pull:4", 4)]
    public void A_node_hears_those_whom_the_topology_gives_it(string topology, int sources)
    {
        SimulationReport report = Run(Small with { Topology = topology, Nodes = 9 });
        Assert.InRange(report.HonestWorstAccuracy, 0.75, 1);
        Assert.All(report.PerNode, n => Assert.Equal(3, n.Mixed));
        Assert.Equal(3L * sources * 7850 * 4, report.BytesPerNode);
        Assert.Equal(3, report.VirtualSeconds, 0.5);
    }

    [Fact]
    public void Everybody_hears_a_byzantine_that_pushes_and_nobody_has_to_pull_from_it()
    {
        SimulationReport pushed = Run(Small with { Attack = "nan", Topology = "el-push:3", Nodes = 9 });
        Assert.All(pushed.PerNode.Where(n => n.Honest && n.Mixed == 3), n => Assert.Equal(3, n.RejectedByzantine));
        SimulationReport pulled = Run(Small with { Attack = "nan", Topology = "rpel-pull:4", Nodes = 9 });
        Assert.Contains(pulled.PerNode.Where(n => n.Honest), n => n.RejectedByzantine < 3);
        Assert.Equal(0, pulled.PerNode.Sum(n => n.KeptByzantine));
    }

    [Fact]
    public void In_a_neighbourhood_that_is_too_small_for_the_rule_a_node_goes_on_with_its_own_model_and_waits_for_nobody()
    {
        SimulationReport report = Run(Small with { Topology = "el-push:1", Byzantine = 2, Nodes = 9 });
        Assert.Contains(report.PerNode, n => n.Mixed < 3);
        Assert.Equal(3, report.VirtualSeconds, 0.5);
    }

    [Fact]
    public void Silence_costs_waiting_and_lateness_is_never_mixed()
    {
        SimulationOptions options = Small with { Gradients = 60, Aggregator = "nna" };
        SimulationReport prompt = Run(options with { Attack = "nan" });
        SimulationReport silent = Run(options with { Attack = "silent" });
        SimulationReport late = Run(options with { Attack = "late" });
        Assert.True(silent.VirtualSeconds > prompt.VirtualSeconds + 4, $"{prompt.VirtualSeconds} and {silent.VirtualSeconds} s");
        Assert.InRange(silent.VirtualSeconds, 0, 60); // two rounds' deadlines, then nobody waits any more
        Assert.All(silent.PerNode.Concat(late.PerNode).Where(n => n.Honest), n => Assert.Equal(6, n.Mixed));
        Assert.Equal(0, silent.PerNode.Sum(n => n.KeptByzantine + n.RejectedByzantine));
        Assert.Equal(0, late.PerNode.Sum(n => n.KeptByzantine));
        Assert.True(late.PerNode.Sum(n => n.RejectedByzantine) < 30);
    }

    [Fact]
    public void Nodes_suspect_attackers_and_no_honest_peer()
    {
        SimulationOptions options = Small with { Gradients = 100, Byzantine = 2, Nodes = 9, Partition = "dirichlet:1" };
        Assert.Equal(0, Run(options).PerNode.Sum(n => n.SuspectedHonest + n.SuspectedByzantine));
        SimulationReport report = Run(options with { Attack = "sign-flip" });
        Assert.All(report.PerNode.Where(n => n.Honest), n => Assert.Equal((2, 0), (n.SuspectedByzantine, n.SuspectedHonest)));
    }

    [Fact]
    public void Training_follows_its_settings()
    {
        SimulationReport plain = Run(Small);
        foreach (SimulationOptions options in new[]
        {
            Small with { LabelPrior = 0, Partition = "dirichlet:1" }, Small with { OuterOptimizer = "none" },
            Small with { Optimizer = new() { Name = "adamw", Schedule = new ConstantSchedule(), WeightDecay = 0.01f } },
            Small with { Optimizer = new() { MaxGradientNorm = 0.5 } },
        })
        {
            SimulationReport other = Run(options);
            Assert.NotEqual(plain.ModelHash, other.ModelHash);
            Assert.InRange(other.HonestWorstAccuracy, 0.6, 1);
        }

        Assert.Throws<ArgumentException>((Small with { OuterOptimizer = "x" }).Validate);
        Assert.ThrowsAny<ArgumentException>((Small with { LabelPrior = -1 }).Validate);
        Assert.Throws<ArgumentException>((Small with { Optimizer = new() { Name = "x" } }).Validate);
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
        Assert.Equal("all", root.GetProperty("settings").GetProperty("topology").GetString());
        Assert.Equal(1, root.GetProperty("settings").GetProperty("faulty_sources").GetInt32());
        Assert.True(root.GetProperty("virtual_seconds").GetDouble() > 0);
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
        { new() { Byzantine = 6 }, "centred-clipping against 6 Byzantine nodes needs 13 nodes or more, not 11" },
        { new() { Byzantine = 4, Aggregator = "nna-quorum" }, "nna-quorum against 4 Byzantine nodes needs 13 nodes or more, not 11" },
        { new() { LocalSteps = 0 }, "local-steps is 0, but must be in [1, 1000000]" },
        { new() { MoveLimit = 0.5 }, "move-limit is 0.5, but must be 0 (no limit) or in [1, 1000]" },
        { new() { MoveLimit = double.NaN }, "move-limit is NaN, but must be 0 (no limit) or in [1, 1000]" },
        { new() { MixingRounds = 0 }, "mixing-rounds is 0, but must be in [1, 100]" },
        { new() { MixingRounds = 101 }, "mixing-rounds is 101, but must be in [1, 100]" },
        { new() { Gradients = 100_000_000, LocalSteps = 2, MixingRounds = 3 }, "mixing-rounds is 3, but must be in [1, 2]" },
        { new() { Gradients = 10 }, "gradients is 10, but must be in [20, 100000000]" },
        { new() { Gradients = 305 }, "gradients is 305, but must be a multiple of local-steps, 20" },
        { new() { Batch = 0 }, "batch is 0, but must be in [1, 10000]" },
        { new() { Threads = 0 }, "threads is 0, but must be in [1, 64]" },
        { new() { Model = "gpt" }, "unknown model 'gpt': use char-transformer, cnn, logistic, mlp, resnet" },
        { new() { Attack = "x" }, "unknown attack 'x': use none, alie, foe, sign-flip, label-flip, nan, mimic, gaussian, replay, silent, late, sparse-alie, sparse-foe, dissensus, spectral, drift, split" },
        { new() { Aggregator = "x" }, $"unknown aggregator 'x': use {string.Join(", ", Aggregators.Names)} or alone" },
        { new() { Topology = "x" }, "unknown topology 'x': use all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S" },
        { new() { Topology = "random-regular:3" }, "random-regular:3 of 11 nodes does not exist: the degree must be in [2, 10], and one of the two numbers even" },
        { new() { Topology = "rpel-pull:3" }, "rpel-pull:3 against 2 Byzantine of 11 nodes: up to 2 of 3 pulled may be Byzantine within the run; pull more" },
        { new() { Partition = "x" }, "unknown partition 'x': use iid, dirichlet:ALPHA, sorted, shards:K, quantity-skew:ALPHA or embedding:ALPHA" },
        { new() { Guard = -1 }, "guard is -1, but must be in [0, 2]" },
        { new() { Guard = 3 }, "guard is 3, but must be in [0, 2]" },
        { new() { MeasuredNodes = -1 }, "measured-nodes is -1, but must be in [0, 10000]" },
        { new() { Network = new() { Latency = new(5, 20_000) } }, "latency is 20000, but must be in [5, 10000]" },
        { new() { Network = new() { Bandwidth = new(0, 5) } }, "bandwidth is 0, but must be in [0.01, 100000]" },
        { new() { Network = new() { Loss = 0.95 } }, "loss is 0.95, but must be in [0, 0.9]" },
        { new() { Network = new() { Churn = double.NaN } }, "churn is NaN, but must be in [0, 0.5]" },
        { new() { Network = new() { AwaySeconds = 0 } }, "churn: away is 0, but must be in (0, 3600] seconds" },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_setting_out_of_range_is_refused_in_one_line(SimulationOptions options, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(options.Validate).Message);

    private static SimulationReport Run(SimulationOptions options, Action<SimulationRound>? onRound = null) =>
        Simulator.Run(options, Data.Value.Train, Data.Value.Test, null, onRound, CancellationToken.None);

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
