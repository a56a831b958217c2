namespace P2PLearn.Learning.Attacks;

/// <summary>A model of NaN, ∞ and −∞ in turn: breaks whatever computes with it before it checks.</summary>
public sealed class NotFinite : IModelAttack
{
    /// <inheritdoc/>
    public string Name => "nan";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        knowledge.Check(result.Length);
        for (int k = 0; k < result.Length; k++)
        {
            result[k] = (k % 3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };
        }
    }
}
