namespace P2PLearn.Learning.Optimizers;

/// <summary>MoNNA's learning rate: γ_t = γ0 / (1 + ⌊t / period⌋).</summary>
/// <remarks>Source: the published scripts of Farhadkhani et al., ICML 2023; 0.75 and 50 for MNIST.</remarks>
public sealed record StepDecaySchedule
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

    /// <summary>γ_t.</summary>
    /// <param name="step">t, the number of steps done before this one; at least 0.</param>
    public double RateAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return InitialRate / (1 + (step / PeriodSteps));
    }

    /// <summary>Throws when a value is out of its range.</summary>
    public void Validate()
    {
        if (!(InitialRate > 0) || !double.IsFinite(InitialRate))
        {
            throw new ArgumentOutOfRangeException(nameof(InitialRate), InitialRate, "must be positive and finite");
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(PeriodSteps);
    }
}
