using System.Text;
using P2PLearn.Actors.Training;

namespace P2PLearn.Actors.Tests.Training;

public sealed class RunSettingsTests
{
    [Fact]
    public void Settings_survive_their_encoding_and_keep_their_run_id()
    {
        var settings = new RunSettings { Model = "cnn", Faulty = 2, MaxDeadline = TimeSpan.FromSeconds(7) };
        Assert.True(RunSettings.TryDecode(settings.Encode(), out RunSettings? read));
        Assert.Equal(settings, read);
        Assert.Equal(settings.ComputeRunId(), read.ComputeRunId());
    }

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
    [InlineData("{\"model\":\"gpt\"}", false)]
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
            _ => new RunSettings { Gradients = 3 },
        };
        Assert.Contains("run." + key, bad.FindError(), StringComparison.Ordinal);
    }
}
