namespace P2PLearn.Learning.Attacks;

/// <summary>Mimic: all attackers copy one honest node, so that its data count f times more; nothing that they send can be called wrong.</summary>
/// <remarks>
/// Source: Karimireddy, He, Jaggi, ICLR 2022 (arXiv:2006.09365), section 3 and its heuristic: during a warm-up the main direction v of the honest
/// models' differences is learned, v ← v·t/(t + 1) + Σ_i (x_i − μ)·⟨x_i − μ, v⟩/(t + 1), normalised; after it the node is copied that was farthest along it.
/// Deviation: the warm-up is 3 rounds instead of 100 steps, as a round here is many steps. Nodes are known by their place among the honest, so the
/// choice holds while the same nodes are heard.
/// </remarks>
public sealed class Mimic : IModelAttack
{
    /// <summary>Rounds in which the direction is learned; the node that is farthest along it is copied meanwhile.</summary>
    public const int WarmUpRounds = 3;

    private float[] _direction = [];
    private int _copied;
    private int _rounds;

    /// <inheritdoc/>
    public string Name => "mimic";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        knowledge.Check(result.Length);
        if (_rounds < WarmUpRounds)
        {
            Learn(knowledge);
            _rounds++;
        }

        knowledge.Honest[Math.Min(_copied, knowledge.Honest.Count - 1)].Span.CopyTo(result);
    }

    private void Learn(AttackKnowledge knowledge)
    {
        float[] mean = new float[knowledge.Dimension];
        HonestStatistics.Mean(knowledge.Honest, mean);
        float[][] differences = [.. knowledge.Honest.Select(x => Difference(x.Span, mean))];
        if (_rounds == 0)
        {
            _direction = [.. differences[0]]; // any start that is not orthogonal to the main direction does
        }

        double[] along = [.. differences.Select(x => CentredGram.Dot(x, _direction))];
        for (int k = 0; k < mean.Length; k++)
        {
            double sum = (double)_rounds * _direction[k];
            for (int i = 0; i < along.Length; i++)
            {
                sum += along[i] * differences[i][k];
            }

            mean[k] = (float)(sum / (_rounds + 1));
        }

        double norm = Math.Sqrt(CentredGram.Dot(mean, mean));
        _direction = norm > 0 ? [.. mean.Select(x => (float)(x / norm))] : mean;
        double[] reached = [.. differences.Select(x => Math.Abs(CentredGram.Dot(x, _direction)))];
        _copied = Array.IndexOf(reached, reached.Max());
    }

    private static float[] Difference(ReadOnlySpan<float> model, float[] mean)
    {
        float[] difference = new float[mean.Length];
        System.Numerics.Tensors.TensorPrimitives.Subtract(model, mean, difference);
        return difference;
    }
}
