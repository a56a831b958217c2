namespace P2PLearn.Learning.Optimizers;

/// <summary>MoNNA's learning rate: γ_t = γ0 / (1 + ⌊t / period⌋).</summary>
/// <remarks>Source: the published scripts of Farhadkhani et al., ICML 2023; 0.75 and 50 for MNIST.</remarks>
public sealed record StepDecaySchedule : ILearningRateSchedule
{
    /// <summary>
    /// γ0; positive and finite. Default 0.75. Too high and the loss diverges before momentum has built up.
    /// </summary>
    public double InitialRate { get; init; } = 0.75;

    /// <summary>
    /// Steps between two drops; at least 1. Default 50. <see cref="int.MaxValue"/> keeps the rate practically
    /// constant.
    /// </summary>
    public int PeriodSteps { get; init; } = 50;

    /// <inheritdoc/>
    public double RateAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return InitialRate / (1 + (step / PeriodSteps));
    }

    /// <inheritdoc/>
    public void Validate()
    {
        OptimizerChecks.RequireRate(InitialRate, nameof(InitialRate));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(PeriodSteps);
    }
}
