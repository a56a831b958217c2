namespace P2PLearn.Learning.Optimizers;

/// <summary>Falls along half a cosine from the initial to the final rate, and stays there.</summary>
/// <remarks>Source: Loshchilov and Hutter, ICLR 2017 (arXiv:1608.03983), equation 5, without restarts.</remarks>
public sealed record CosineSchedule : ILearningRateSchedule
{
    /// <summary>γ_0; positive and finite. Default 0.001.</summary>
    public double InitialRate { get; init; } = 0.001;

    /// <summary>γ from step <see cref="TotalSteps"/> on, in [0, <see cref="InitialRate"/>]. Default 0.</summary>
    public double FinalRate { get; init; }

    /// <summary>Steps of the fall; at least 1. Default 600, the length of a run.</summary>
    public long TotalSteps { get; init; } = 600;

    /// <inheritdoc/>
    public double RateAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        double done = Math.Min(1, (double)step / TotalSteps);
        return FinalRate + (0.5 * (InitialRate - FinalRate) * (1 + Math.Cos(Math.PI * done)));
    }

    /// <inheritdoc/>
    public void Validate()
    {
        OptimizerChecks.RequireRate(InitialRate, nameof(InitialRate));
        if (!(FinalRate >= 0 && FinalRate <= InitialRate))
        {
            throw new ArgumentOutOfRangeException(nameof(FinalRate), FinalRate, "must be from 0 to the initial rate");
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(TotalSteps);
    }
}
