namespace P2PLearn.Learning.Optimizers;

/// <summary>The local optimizers by the names that a configuration uses.</summary>
public static class LocalOptimizers
{
    /// <summary>The known names in order.</summary>
    public static IReadOnlyList<string> Names { get; } = ["adam", "adamw", "momentum-sgd"];

    /// <summary>Creates an optimizer that has done no step.</summary>
    /// <param name="settings">Name and values.</param>
    /// <param name="parameterCount">d.</param>
    /// <exception cref="ArgumentException">An unknown name, or a value out of range; one line.</exception>
    public static ILocalOptimizer Create(LocalOptimizerSettings settings, int parameterCount)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Name switch
        {
            "momentum-sgd" => new MomentumSgd(parameterCount, new MomentumSgdOptions
            {
                Momentum = settings.Momentum,
                Schedule = settings.Schedule,
                WeightDecay = settings.WeightDecay,
                MaxGradientNorm = settings.MaxGradientNorm,
            }),
            "adam" or "adamw" => new Adam(parameterCount, new AdamOptions
            {
                Schedule = settings.Schedule,
                WeightDecay = settings.WeightDecay,
                Decoupled = settings.Name == "adamw",
                MaxGradientNorm = settings.MaxGradientNorm,
            }),
            _ => throw new ArgumentException($"unknown optimizer '{settings.Name}'; known are {string.Join(", ", Names)}"),
        };
    }
}
