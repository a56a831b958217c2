namespace P2PLearn.Learning.Attacks;

/// <summary>Probes any rule by running it on the vectors.</summary>
internal sealed class DirectProbe : RuleProbe
{
    private readonly AttackKnowledge _knowledge;
    private readonly float[] _mean;
    private readonly float[] _direction;
    private readonly float[] _byzantine;
    private readonly float[] _result;
    private readonly double[] _total;
    private readonly ReadOnlyMemory<float>[] _candidates;

    public DirectProbe(AttackKnowledge knowledge, float[] mean, float[] direction)
    {
        (_knowledge, _mean, _direction) = (knowledge, mean, direction);
        _byzantine = new float[mean.Length];
        _result = new float[mean.Length];
        _total = new double[mean.Length];
        _candidates = [.. knowledge.Honest, .. Enumerable.Repeat<ReadOnlyMemory<float>>(_byzantine, knowledge.ByzantineCount)];
    }

    /// <inheritdoc/>
    public override double Damage(double z)
    {
        Point(_mean, _direction, z, _byzantine);
        Array.Clear(_total);
        int pivots = _knowledge.Rule.UsesPivot ? _knowledge.Honest.Count : 1;
        for (int i = 0; i < pivots; i++)
        {
            if (!_knowledge.Rule.TryAggregate(_knowledge.Honest[i].Span, _candidates, _result, null))
            {
                return 0;
            }

            for (int k = 0; k < _total.Length; k++)
            {
                _total[k] += _result[k];
            }
        }

        double damage = 0;
        for (int k = 0; k < _total.Length; k++)
        {
            double difference = (_total[k] / pivots) - _mean[k];
            damage += difference * difference;
        }

        return damage;
    }
}
