namespace P2PLearn.Learning.Optimizers;

/// <summary>A linear climb to the first rate of another schedule, which then begins.</summary>
/// <remarks>Source: Goyal et al. 2017 (arXiv:1706.02677), section 2.2. γ_t = γ'_0 · (t + 1) / W for t &lt; W, then γ'_(t − W).</remarks>
public sealed record WarmUpSchedule : ILearningRateSchedule
{
    /// <summary>W, steps of the climb; at least 1. Default 20.</summary>
    public long Steps { get; init; } = 20;

    /// <summary>γ', the schedule that follows.</summary>
    public ILearningRateSchedule Then { get; init; } = new ConstantSchedule();

    /// <inheritdoc/>
    public double RateAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return step < Steps ? Then.RateAt(0) * (step + 1) / Steps : Then.RateAt(step - Steps);
    }

    /// <inheritdoc/>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Steps);
        ArgumentNullException.ThrowIfNull(Then);
        Then.Validate();
    }
}
