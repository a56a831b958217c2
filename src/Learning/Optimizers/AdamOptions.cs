namespace P2PLearn.Learning.Optimizers;

/// <summary>Settings of <see cref="Adam"/>; the defaults are the paper's, and PyTorch's.</summary>
public sealed record AdamOptions
{
    /// <summary>β₁ of the mean of gradients, in [0, 1).</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>β₂ of the mean of squares, in [0, 1).</summary>
    public float Beta2 { get; init; } = 0.999f;

    /// <summary>ε below the fraction; positive.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>γ_t. Default constant 0.001.</summary>
    public ILearningRateSchedule Schedule { get; init; } = new ConstantSchedule();

    /// <summary>λ, at least 0. Default 0; AdamW is usually run with 0.01.</summary>
    public float WeightDecay { get; init; }

    /// <summary>
    /// True is AdamW: θ shrinks by γ_t·λ·θ beside the step. False adds λθ to the gradient, which Adam's division then
    /// largely undoes.
    /// </summary>
    public bool Decoupled { get; init; } = true;

    /// <summary>Longest gradient in the 2-norm before anything else is done with it; null for no limit.</summary>
    public double? MaxGradientNorm { get; init; }

    /// <summary>Throws when a value is out of its range.</summary>
    public void Validate()
    {
        OptimizerChecks.RequireMomentum(Beta1, nameof(Beta1));
        OptimizerChecks.RequireMomentum(Beta2, nameof(Beta2));
        OptimizerChecks.RequireRate(Epsilon, nameof(Epsilon));
        OptimizerChecks.RequireDecay(WeightDecay, nameof(WeightDecay));
        GradientNorm.Validate(MaxGradientNorm, nameof(MaxGradientNorm));
        ArgumentNullException.ThrowIfNull(Schedule);
        Schedule.Validate();
    }
}
