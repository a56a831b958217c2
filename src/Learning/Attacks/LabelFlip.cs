namespace P2PLearn.Learning.Attacks;

/// <summary>Label flipping: the attackers train on wrong labels, classes − 1 − y instead of y.</summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), section 5, "LF". Deviation: there the attacker adds one raw gradient on flipped labels
/// to the honest mean, 1/(1 − β) times an honest step, which every rule filters. Here it is data poisoning as a real participant would do
/// it: its own momentum, its own mixing, wrong labels.
/// </remarks>
public sealed class LabelFlip : IAttack
{
    /// <inheritdoc/>
    public string Name => "label-flip";

    /// <inheritdoc/>
    public bool FlipsLabels => true;
}
