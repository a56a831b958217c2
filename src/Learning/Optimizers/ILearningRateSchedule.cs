namespace P2PLearn.Learning.Optimizers;

/// <summary>γ_t: how far step t goes. Immutable; the same at every node of a run, whenever it joined.</summary>
public interface ILearningRateSchedule
{
    /// <summary>γ_t, at least 0 and finite.</summary>
    /// <param name="step">t, the number of steps done before this one; at least 0.</param>
    double RateAt(long step);

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> when a setting is out of its range.</summary>
    void Validate();
}
