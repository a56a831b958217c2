namespace P2PLearn.Learning.Attacks;

/// <summary>An attack μ + z·u whose z does the most damage to the rule in use, found anew in each round.</summary>
/// <remarks>
/// The damage is ‖mean over the honest nodes of what the rule gives them − μ‖². Where not everybody hears everybody, it is how far some nodes are pulled
/// along u together, each by what it hears: the part of that mean which the attackers mean. Cost: for rules that look only at distances one pass over
/// the honest models for their Gram matrix, after which a trial costs nothing that depends on d; for others 16 runs of the rule.
/// </remarks>
public abstract class LineSearchAttack : IModelAttack
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        knowledge.Check(result.Length);
        float[] mean = new float[result.Length];
        float[] direction = new float[result.Length];
        SetDirection(knowledge, mean, direction);
        double z = knowledge.Samples is { } samples
            ? RuleProbe.LongestPull([.. samples.Select(sample => RuleProbe.For(sample, mean, direction))])
            : RuleProbe.For(knowledge, mean, direction).MostDamaging();
        RuleProbe.Point(mean, direction, z, result);
    }

    /// <summary>Sets μ and u.</summary>
    /// <param name="knowledge">Checked.</param>
    /// <param name="mean">Shape [d].</param>
    /// <param name="direction">Shape [d].</param>
    private protected abstract void SetDirection(AttackKnowledge knowledge, Span<float> mean, Span<float> direction);
}
