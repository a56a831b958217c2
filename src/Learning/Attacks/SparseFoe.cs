namespace P2PLearn.Learning.Attacks;

/// <summary>FOE for each victim: (1 − z_i)·μ_i, with the mean of what the victim sees, z_i the most damaging at the victim.</summary>
/// <remarks>Source: Gaucher, Dieuleveut, Hendrikx, ICML 2025 (arXiv:2410.10418), "sparse FOE"; the line search runs the victim's own rule.</remarks>
public sealed class SparseFoe : IVictimAttack
{
    private readonly Foe _attack = new();

    /// <inheritdoc/>
    public string Name => "sparse-foe";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(VictimKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        _attack.Forge(knowledge.AtVictim(), result);
    }
}
