namespace P2PLearn.Learning.Attacks;

/// <summary>Nobody attacks: the rule still guards against f.</summary>
public sealed class NoAttack : IAttack
{
    /// <inheritdoc/>
    public string Name => "none";

    /// <inheritdoc/>
    public bool FlipsLabels => false;
}
