namespace P2PLearn.Learning.Optimizers;

/// <summary>The same learning rate at every step.</summary>
public sealed record ConstantSchedule : ILearningRateSchedule
{
    /// <summary>γ; positive and finite. Default 0.001, Adam's.</summary>
    public double Rate { get; init; } = 0.001;

    /// <inheritdoc/>
    public double RateAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return Rate;
    }

    /// <inheritdoc/>
    public void Validate() => OptimizerChecks.RequireRate(Rate, nameof(Rate));
}
