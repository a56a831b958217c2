using System.CommandLine;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Node.Commands;

/// <summary>The options of <c>p2plearn simulate</c> on how each node trains; the names of the keys of a configuration's <c>run</c>.</summary>
internal static class TrainingOptions
{
    private static readonly SimulationOptions Default = new();

    private static readonly Option<string> Optimizer = Text("--optimizer", string.Join(", ", LocalOptimizers.Names), Default.Optimizer.Name);

    private static readonly Option<double> LearningRate = Number("--learning-rate", "First learning rate", 0.75);

    private static readonly Option<string> Schedule = Text(
        "--schedule", "Of the learning rate: constant, step:PERIOD or cosine:STEPS, with warm-up:STEPS, before it if wanted", "step:50");

    private static readonly Option<double> Momentum = Number("--momentum", "Of momentum SGD", LocalOptimizerSettings.DefaultMomentum);

    private static readonly Option<double> WeightDecay = Number("--weight-decay", "0 = none", 0);

    private static readonly Option<double> MaxGradientNorm = Number("--max-gradient-norm", "Longest gradient, 0 = any", 0);

    private static readonly Option<string> Outer = Text(
        "--outer-optimizer", $"What follows the mixing: {string.Join(", ", OuterOptimizers.Names)}", Default.OuterOptimizer);

    private static readonly Option<double> OuterLearningRate = Number("--outer-learning-rate", "Of nesterov", 1);

    private static readonly Option<double> OuterMomentum = Number("--outer-momentum", "Of nesterov", 0.15);

    private static readonly Option<double> LabelPrior = Number(
        "--label-prior", "How far the loss makes up for a node's own class frequencies, 0 = not at all", Default.LabelPrior);

    private static readonly Option<double> MoveLimit = Number(
        "--move-limit", "How many times as far as its last mixings one may move a node, 0 = any", Default.MoveLimit);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Option> All { get; } =
    [
        Optimizer, LearningRate, Schedule, Momentum, WeightDecay, MaxGradientNorm, Outer, OuterLearningRate, OuterMomentum, LabelPrior, MoveLimit,
    ];

    /// <summary>The simulation with what they say.</summary>
    /// <exception cref="UserErrorException">The schedule cannot be read; other values are checked with the simulation.</exception>
    public static SimulationOptions Read(ParseResult parsed, SimulationOptions options) => options with
    {
        Optimizer = new LocalOptimizerSettings
        {
            Name = parsed.GetRequiredValue(Optimizer),
            Schedule = ReadSchedule(parsed.GetRequiredValue(Schedule), parsed.GetValue(LearningRate)),
            Momentum = (float)parsed.GetValue(Momentum),
            WeightDecay = (float)parsed.GetValue(WeightDecay),
            MaxGradientNorm = parsed.GetValue(MaxGradientNorm) is not 0 and var norm ? norm : null,
        },
        OuterOptimizer = parsed.GetRequiredValue(Outer),
        Outer = new NesterovOuterOptions
        {
            LearningRate = (float)parsed.GetValue(OuterLearningRate),
            Momentum = (float)parsed.GetValue(OuterMomentum),
        },
        LabelPrior = parsed.GetValue(LabelPrior),
        MoveLimit = parsed.GetValue(MoveLimit),
    };

    private static ILearningRateSchedule ReadSchedule(string text, double rate)
    {
        try
        {
            return Schedules.Parse(text, rate);
        }
        catch (ArgumentException e)
        {
            throw new UserErrorException(e.Message);
        }
    }

    private static Option<double> Number(string name, string description, double value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static Option<string> Text(string name, string description, string value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
