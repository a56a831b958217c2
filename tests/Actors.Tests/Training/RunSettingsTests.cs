using System.Text;
using System.Text.Json;
using P2PLearn.Actors.Training;

namespace P2PLearn.Actors.Tests.Training;

public sealed class RunSettingsTests
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    [Fact]
    public void Settings_survive_their_encoding_and_keep_their_run_id()
    {
        var settings = new RunSettings { Model = "cnn", Faulty = 2, MaxDeadline = TimeSpan.FromSeconds(7) };
        Assert.True(RunSettings.TryDecode(settings.Encode(), out RunSettings? read));
        Assert.Equal(settings, read);
        Assert.Equal(settings.ComputeRunId(), read.ComputeRunId());
    }

    [Fact]
    public void Everything_about_training_survives_the_encoding_too()
    {
        foreach (RunSettings settings in new[]
        {
            new RunSettings { Optimizer = "adamw", Schedule = "warm-up:20,cosine:580", LearningRate = 0.001, WeightDecay = 0.01, MaxGradientNorm = 1 },
            new RunSettings { OuterOptimizer = "nesterov", OuterLearningRate = 0.7, OuterMomentum = 0.9, LabelPrior = 0.5 },
            new RunSettings { OuterMomentum = 0, LabelPrior = 0 },
            new RunSettings { MixingRounds = 3 },
            new RunSettings { MoveLimit = 0 },
            new RunSettings { MoveLimit = 10 },
            new RunSettings { ExchangePrecision = "float16" },
            new RunSettings { Topology = "rpel-pull:3", Guard = 1, MinPeers = 7 },
            new RunSettings { Guard = 0 },
        })
        {
            Assert.True(RunSettings.TryDecode(settings.Encode(), out RunSettings? read));
            Assert.Equal(settings, read);
            Assert.Equal(settings.ComputeRunId(), read.ComputeRunId());
        }
    }

    [Fact]
    public void A_run_of_an_earlier_version_is_the_same_run_and_trains_as_it_did()
    {
        const string old = """
            {"model":"mlp","aggregator":"nna","faulty":1,"min_peers":3,"gradients":600,"local_steps":20,"batch":25,"learning_rate":0.75,"decay_steps":50,"momentum":0.99,"seed":1,"min_deadline":"00:00:00.5000000","max_deadline":"00:00:10","evaluate_images":1000,"checkpoint_rounds":10}
            """;
        Assert.True(RunSettings.TryDecode(Encoding.UTF8.GetBytes(old), out RunSettings? read));
        Assert.Equal(old, Encoding.UTF8.GetString(read.Encode()));
        Assert.Equal((null, 0.0, null, "nna", 0.0), (read.OuterOptimizer, read.LabelPrior, read.Optimizer, read.Aggregator, read.MoveLimit));
        Assert.Equal(("all", 1), (read.TopologyName(), read.FaultySources()));
    }

    [Fact]
    public void A_run_that_says_the_default_is_the_run_that_says_nothing() =>
        Assert.Equal(new RunSettings().ComputeRunId(), new RunSettings { Topology = "all", ExchangePrecision = "float32" }.ComputeRunId());

    [Fact]
    public void A_run_that_mixes_once_is_the_run_that_says_nothing()
    {
        Assert.Equal(new RunSettings().ComputeRunId(), new RunSettings { MixingRounds = 1 }.ComputeRunId());
        Assert.Equal((30, 90), (new RunSettings().Rounds, new RunSettings { MixingRounds = 3 }.Rounds));
    }

    [Theory]
    [InlineData(null, 3, null, 3)]
    [InlineData(null, 3, 1, 1)]
    [InlineData("ring", 3, null, 1)]
    [InlineData("random-regular:4", 3, null, 2)]
    [InlineData("el-push:8", 3, null, 3)]
    [InlineData("rpel-pull:8", 1, null, 1)]
    [InlineData("rpel-pull:8", 3, 2, 2)]
    public void The_rule_guards_against_what_the_topology_or_the_settings_say(string? topology, int faulty, int? guard, int expected)
    {
        var settings = new RunSettings { Aggregator = "nna", Topology = topology, Faulty = faulty, Guard = guard, MinPeers = 20 };
        Assert.Null(settings.FindError());
        Assert.Equal(expected, settings.FaultySources());
        Assert.Equal((2 * expected) + 1, settings.CreateRule().MinCandidates);
    }

    [Theory]
    [InlineData("run.optimizer: unknown optimizer 'lamb'; known are adam, adamw, momentum-sgd", "optimizer", "\"lamb\"")]
    [InlineData("run.schedule: learning-rate schedule 'soon' is not known", "schedule", "\"soon\"")]
    [InlineData("run.outer_optimizer: unknown outer optimizer 'polyak'", "outer_optimizer", "\"polyak\"")]
    [InlineData("run.weight_decay is -1, but must be 0 to 1", "weight_decay", "-1")]
    [InlineData("run.max_gradient_norm is -1, but must be at least 0", "max_gradient_norm", "-1")]
    [InlineData("run.label_prior is 11, but must be 0 to 10", "label_prior", "11")]
    [InlineData("run.mixing_rounds is 0, but must be 1 to 100", "mixing_rounds", "0")]
    [InlineData("run.mixing_rounds is 101, but must be 1 to 100", "mixing_rounds", "101")]
    [InlineData("run.exchange_precision must be float32 or float16", "exchange_precision", "\"int8\"")]
    [InlineData("run.exchange_precision must be float32 or float16", "exchange_precision", "\"\"")]
    [InlineData("run.move_limit is 0.5, but must be 0 (no limit) or 1 to 1000", "move_limit", "0.5")]
    [InlineData("run.guard is 2, but must be 0 to faulty (1)", "guard", "2")]
    [InlineData("run.guard is -1, but must be 0 to faulty (1)", "guard", "-1")]
    [InlineData("run.topology: unknown topology 'star': use all, ring,", "topology", "\"star\"")]
    [InlineData("run.topology: rpel-pull:3 of 3 nodes: the number must be in [1, 2]", "topology", "\"rpel-pull:3\"")]
    [InlineData("run.topology: rpel-pull:1 against 1 Byzantine of 3 nodes: up to 1 of 1 pulled may be Byzantine", "topology", "\"rpel-pull:1\"")]
    [InlineData("run.aggregator: unknown aggregator 'blend'", "aggregator", "\"blend\"")]
    public void What_is_wrong_with_training_is_one_line_and_refused_from_others(string expected, string key, string value)
    {
        string json = $"{{\"{key}\":{value}}}";
        RunSettings? settings = JsonSerializer.Deserialize<RunSettings>(json, SnakeCase);
        Assert.StartsWith(expected, settings!.FindError(), StringComparison.Ordinal);
        Assert.False(RunSettings.TryDecode(Encoding.UTF8.GetBytes(json), out _));
    }

    [Theory]
    [InlineData("run.topology: krum against 1 Byzantine needs 5 models, a node's own among them, but mixes 3 with ring", "ring", "krum", 1)]
    [InlineData("run.topology: nna-quorum against 1 Byzantine needs 3 models, a node's own among them, but mixes 2 with ring", "ring", "nna-quorum", 1)]
    [InlineData("run.topology: centred-clipping against 4 Byzantine needs 9 models, a node's own among them, but mixes 5 with el-push:4", "el-push:4", "centred-clipping", 4)]
    [InlineData("run.faulty is 20, but must be below min_peers (20) with a topology", "rpel-pull:4", "mean", 20)]
    [InlineData(null, "random-regular:4", "krum", 1)]
    [InlineData("run.topology: cs-plus against 2 Byzantine of the 5 models that random-regular:4 gives would keep each node's own: hear more, set guard lower, or use nna", "random-regular:4", "cs-plus", 2)]
    [InlineData(null, "random-regular:4", "cs-plus", 1)]
    [InlineData(null, "ring", "cs-plus", 0)]
    [InlineData(null, "ring", "centred-clipping", 1)]
    [InlineData(null, "el-push:8", "centred-clipping", 4)]
    public void A_rule_that_hears_too_few_is_refused(string? expected, string topology, string aggregator, int faulty) =>
        Assert.Equal(expected, new RunSettings { Topology = topology, Aggregator = aggregator, Faulty = faulty, MinPeers = 20 }.FindError());

    [Fact]
    public void Foreign_settings_with_the_largest_numbers_are_checked_without_overflow()
    {
        string json = "{\"topology\":\"rpel-pull:999\",\"min_peers\":1000,\"faulty\":400,\"gradients\":100000000,\"local_steps\":1}";
        Assert.True(RunSettings.TryDecode(Encoding.UTF8.GetBytes(json), out RunSettings? read));
        Assert.Equal(400, read.FaultySources());
    }

    [Fact]
    public void So_many_rounds_of_mixing_that_nobody_could_count_them_are_refused() => Assert.Equal(
        "run.mixing_rounds is 2, but must be such that there are at most 100000000 rounds",
        new RunSettings { Gradients = RunSettings.MaxGradients, LocalSteps = 1, MixingRounds = 2 }.FindError());

    [Fact]
    public void Other_settings_are_another_run() =>
        Assert.NotEqual(new RunSettings().ComputeRunId(), new RunSettings { Seed = 2 }.ComputeRunId());

    [Theory]
    [InlineData("{}", true)]
    [InlineData("{\"faulty\":-1}", false)]
    [InlineData("{\"gradients\":5}", false)]
    [InlineData("{\"surprise\":5}", false)]
    [InlineData("null", false)]
    [InlineData("{\"model\":null}", false)]
    [InlineData("{\"model\":\"gpt\"}", true)] // a plug-in may have it
    [InlineData("{\"model\":\"m\\u001b[2J\"}", false)]
    [InlineData("{\"aggregator\":\"blend\"}", false)]
    [InlineData("{", false)]
    [InlineData("", false)]
    public void Foreign_settings_are_checked(string json, bool fine) =>
        Assert.Equal(fine, RunSettings.TryDecode(Encoding.UTF8.GetBytes(json), out _));

    [Fact]
    public void Foreign_settings_beyond_the_limit_are_not_parsed()
    {
        string padded = "{" + new string(' ', RunSettings.MaxBytes) + "}";
        Assert.False(RunSettings.TryDecode(Encoding.UTF8.GetBytes(padded), out _));
    }

    [Theory]
    [InlineData("faulty")]
    [InlineData("min_peers")]
    [InlineData("local_steps")]
    [InlineData("batch")]
    [InlineData("learning_rate")]
    [InlineData("decay_steps")]
    [InlineData("momentum")]
    [InlineData("evaluate_images")]
    [InlineData("min_deadline")]
    [InlineData("max_deadline")]
    [InlineData("outer_learning_rate")]
    [InlineData("outer_momentum")]
    [InlineData("gradients")]
    public void Each_range_is_named(string key)
    {
        RunSettings bad = key switch
        {
            "faulty" => new RunSettings { Faulty = -1 },
            "min_peers" => new RunSettings { MinPeers = 0 },
            "local_steps" => new RunSettings { LocalSteps = 0 },
            "batch" => new RunSettings { Batch = 5000 },
            "learning_rate" => new RunSettings { LearningRate = double.NaN },
            "decay_steps" => new RunSettings { DecaySteps = 0 },
            "momentum" => new RunSettings { Momentum = 1 },
            "evaluate_images" => new RunSettings { EvaluateImages = -1 },
            "min_deadline" => new RunSettings { MinDeadline = TimeSpan.Zero },
            "max_deadline" => new RunSettings { MaxDeadline = TimeSpan.FromDays(1) },
            "outer_learning_rate" => new RunSettings { OuterLearningRate = 0 },
            "outer_momentum" => new RunSettings { OuterMomentum = 1 },
            _ => new RunSettings { Gradients = 3 },
        };
        Assert.Contains("run." + key, bad.FindError(), StringComparison.Ordinal);
    }
}
