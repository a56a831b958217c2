using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Actors.Training;

/// <summary>What a run's settings say about training, in the words of Learning.</summary>
internal static class RunTraining
{
    /// <summary>The local optimizer.</summary>
    /// <param name="settings">Without an error.</param>
    public static LocalOptimizerSettings ToLocalOptimizer(this RunSettings settings) => new()
    {
        Name = settings.Optimizer ?? new LocalOptimizerSettings().Name,
        Schedule = settings.ToSchedule(),
        Momentum = (float)settings.Momentum,
        WeightDecay = (float)settings.WeightDecay,
        MaxGradientNorm = settings.MaxGradientNorm > 0 ? settings.MaxGradientNorm : null,
    };

    /// <summary>The outer step; null when mixing has the last word.</summary>
    /// <param name="settings">Without an error.</param>
    /// <param name="parameterCount">d.</param>
    public static OuterStep? ToOuterStep(this RunSettings settings, int parameterCount) =>
        settings.HasOuterStep() ? new OuterStep(settings.CreateOuter(parameterCount), parameterCount) : null;

    /// <summary>The first value out of range as one line, or null when all is well.</summary>
    public static string? FindTrainingError(this RunSettings settings) => settings switch
    {
        { WeightDecay: var decay } when !(decay is >= 0 and <= 1) => RunSettings.Range("weight_decay", decay, "0 to 1"),
        { MaxGradientNorm: var norm } when !(norm >= 0 && double.IsFinite(norm)) => RunSettings.Range("max_gradient_norm", norm, "at least 0 (0 = any)"),
        { OuterLearningRate: var rate } when settings.HasOuterStep() && !(rate is > 0 and <= 10) => RunSettings.Range("outer_learning_rate", rate, "above 0, at most 10"),
        { OuterMomentum: var momentum } when settings.HasOuterStep() && !(momentum is >= 0 and < 1) => RunSettings.Range("outer_momentum", momentum, "0 to below 1"),
        { LabelPrior: var prior } when !(prior is >= 0 and <= 10) => RunSettings.Range("label_prior", prior, "0 to 10"),
        { Optimizer.Length: > 64 } or { Schedule.Length: > 64 } or { OuterOptimizer.Length: > 64 } => "run.optimizer, run.schedule or run.outer_optimizer is too long",
        _ => Try(() => settings.ToSchedule(), "schedule")
            ?? Try(() => LocalOptimizers.Create(settings.ToLocalOptimizer(), 1), "optimizer")
            ?? Try(() => settings.CreateOuter(1), "outer_optimizer"),
    };

    private static ILearningRateSchedule ToSchedule(this RunSettings settings) => settings.Schedule is { } text
        ? Schedules.Parse(text, settings.LearningRate)
        : new StepDecaySchedule { InitialRate = settings.LearningRate, PeriodSteps = settings.DecaySteps };

    private static bool HasOuterStep(this RunSettings settings) => settings.OuterOptimizer is not (null or NoOuterOptimizer.RegisteredName);

    private static IOuterOptimizer CreateOuter(this RunSettings settings, int parameterCount) =>
        OuterOptimizers.Create(settings.OuterOptimizer ?? NoOuterOptimizer.RegisteredName, parameterCount, new NesterovOuterOptions
        {
            LearningRate = (float)settings.OuterLearningRate,
            Momentum = (float)settings.OuterMomentum,
        });

    private static string? Try(Func<object> make, string key)
    {
        try
        {
            make();
            return null;
        }
        catch (ArgumentException e)
        {
            return $"run.{key}: {e.Message}";
        }
    }
}
