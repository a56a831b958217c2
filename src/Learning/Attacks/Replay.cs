using System.Numerics.Tensors;

namespace P2PLearn.Learning.Attacks;

/// <summary>Replay: the honest mean of an earlier round, signed anew for this one, to undo what has been learned since.</summary>
/// <remarks>
/// A contribution itself cannot be replayed, since its signature names its round; its values can. Of the last rounds the one is
/// replayed that does the most damage under the rule in use. In the first round there is nothing to replay but its own mean.
/// </remarks>
public sealed class Replay : IModelAttack
{
    /// <summary>Rounds that are remembered, d floats each.</summary>
    public const int Memory = 4;

    private readonly Queue<float[]> _earlier = new();

    /// <inheritdoc/>
    public string Name => "replay";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        knowledge.Check(result.Length);
        float[] mean = new float[result.Length];
        HonestStatistics.Mean(knowledge.Honest, mean);
        float[] chosen = mean;
        double most = double.NegativeInfinity;
        foreach (float[] model in _earlier)
        {
            float[] back = new float[mean.Length];
            TensorPrimitives.Subtract(model, mean, back);
            double damage = RuleProbe.For(knowledge, mean, back).Damage(1);
            if (damage > most)
            {
                (most, chosen) = (damage, model);
            }
        }

        chosen.CopyTo(result);
        Remember(mean);
    }

    private void Remember(float[] mean)
    {
        _earlier.Enqueue(mean);
        if (_earlier.Count > Memory)
        {
            _earlier.Dequeue();
        }
    }
}
