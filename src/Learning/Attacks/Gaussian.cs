namespace P2PLearn.Learning.Attacks;

/// <summary>Noise in place of a model: N(0, 1) in every coordinate, anew in each round.</summary>
/// <remarks>Source: Blanchard et al., NeurIPS 2017 (arXiv:1703.02757), section 5; the standard deviation is that of ByzFL (arXiv:2505.24802).</remarks>
/// <param name="seed">The noise follows from it.</param>
public sealed class Gaussian(ulong seed) : IModelAttack
{
    private readonly SeededRandom _random = SeededRandom.ForStream(seed, 0x6761_7573_7369_616E);

    /// <inheritdoc/>
    public string Name => "gaussian";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        knowledge.Check(result.Length);
        foreach (ref float value in result)
        {
            value = (float)_random.NextGaussian();
        }
    }
}
