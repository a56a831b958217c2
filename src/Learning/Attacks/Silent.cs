namespace P2PLearn.Learning.Attacks;

/// <summary>Silence: members that are waited for and never speak.</summary>
public sealed class Silent : IAttack
{
    /// <inheritdoc/>
    public string Name => "silent";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public AttackTiming Timing => AttackTiming.Never;
}
