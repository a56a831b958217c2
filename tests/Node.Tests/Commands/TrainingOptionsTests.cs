using System.CommandLine;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Commands;

namespace P2PLearn.Node.Tests.Commands;

public sealed class TrainingOptionsTests
{
    [Fact]
    public void What_is_not_said_is_the_simulators_default()
    {
        (SimulationOptions read, SimulationOptions wanted) = (Read(), new SimulationOptions());
        Assert.Equal((wanted.Optimizer, wanted.OuterOptimizer, wanted.Outer, wanted.LabelPrior), (read.Optimizer, read.OuterOptimizer, read.Outer, read.LabelPrior));
    }

    [Fact]
    public void Everything_said_arrives()
    {
        SimulationOptions options = Read(
            "--optimizer", "adamw", "--learning-rate", "0.001", "--schedule", "cosine:300", "--weight-decay", "0.01", "--max-gradient-norm", "1",
            "--outer-optimizer", "none", "--label-prior", "0.5");
        Assert.Equal(
            new LocalOptimizerSettings
            {
                Name = "adamw", Schedule = new CosineSchedule { InitialRate = 0.001, TotalSteps = 300 }, WeightDecay = 0.01f, MaxGradientNorm = 1,
            },
            options.Optimizer);
        Assert.Equal(("none", 0.5), (options.OuterOptimizer, options.LabelPrior));
    }

    [Fact]
    public void A_schedule_that_cannot_be_read_is_one_line_for_the_user() =>
        Assert.StartsWith("learning-rate schedule 'soon'", Assert.Throws<UserErrorException>(() => Read("--schedule", "soon")).Message, StringComparison.Ordinal);

    private static SimulationOptions Read(params string[] arguments)
    {
        var command = new RootCommand();
        foreach (Option option in TrainingOptions.All)
        {
            command.Options.Add(option);
        }

        return TrainingOptions.Read(command.Parse(arguments), new SimulationOptions());
    }
}
