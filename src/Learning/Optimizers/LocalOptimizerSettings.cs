namespace P2PLearn.Learning.Optimizers;

/// <summary>A local optimizer in the words of a configuration.</summary>
public sealed record LocalOptimizerSettings
{
    /// <summary>
    /// β of a run that names none. MoNNA's 0.99, which <see cref="MomentumSgdOptions"/> has, is for a mixing after each step; with many steps between two it only makes
    /// training slow to start (docs/benchmarks.md).
    /// </summary>
    public const double DefaultMomentum = 0.95;

    /// <summary>One of <see cref="LocalOptimizers.Names"/>. Default "momentum-sgd".</summary>
    public string Name { get; init; } = "momentum-sgd";

    /// <summary>γ_t.</summary>
    public ILearningRateSchedule Schedule { get; init; } = new StepDecaySchedule();

    /// <summary>β of momentum SGD, in [0, 1). Default <see cref="DefaultMomentum"/>. Adam has β₁ = 0.9 and does not look at it.</summary>
    public float Momentum { get; init; } = (float)DefaultMomentum;

    /// <summary>λ, at least 0. Default 0.</summary>
    public float WeightDecay { get; init; }

    /// <summary>Longest gradient in the 2-norm; null for no limit.</summary>
    public double? MaxGradientNorm { get; init; }
}
