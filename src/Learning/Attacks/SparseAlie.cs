namespace P2PLearn.Learning.Attacks;

/// <summary>ALIE for each victim: μ_i + z_i·s_i, mean and spread of what the victim sees, z_i the most damaging at the victim.</summary>
/// <remarks>Source: Gaucher, Dieuleveut, Hendrikx, ICML 2025 (arXiv:2410.10418), "sparse ALIE"; the line search runs the victim's own rule.</remarks>
public sealed class SparseAlie : IVictimAttack
{
    private readonly Alie _attack = new();

    /// <inheritdoc/>
    public string Name => "sparse-alie";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(VictimKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        _attack.Forge(knowledge.AtVictim(), result);
    }
}
