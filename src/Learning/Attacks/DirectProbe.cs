namespace P2PLearn.Learning.Attacks;

/// <summary>Probes any rule by running it on the vectors.</summary>
internal sealed class DirectProbe : RuleProbe
{
    private readonly AttackKnowledge _knowledge;
    private readonly float[] _origin;
    private readonly float[] _direction;
    private readonly float[] _mean;
    private readonly float[] _byzantine;
    private readonly float[] _result;
    private readonly double[] _moved;
    private readonly ReadOnlyMemory<float>[] _candidates;

    public DirectProbe(AttackKnowledge knowledge, float[] origin, float[] direction)
    {
        (_knowledge, _origin, _direction) = (knowledge, origin, direction);
        _mean = new float[origin.Length];
        HonestStatistics.Mean(knowledge.Honest, _mean);
        _byzantine = new float[origin.Length];
        _result = new float[origin.Length];
        _moved = new double[origin.Length];
        _candidates = [.. knowledge.Honest, .. Enumerable.Repeat<ReadOnlyMemory<float>>(_byzantine, knowledge.ByzantineCount)];
    }

    /// <inheritdoc/>
    public override double Damage(double z)
    {
        if (!TryMove(z))
        {
            return 0;
        }

        double damage = 0;
        foreach (double moved in _moved)
        {
            damage += moved * moved;
        }

        return damage;
    }

    /// <inheritdoc/>
    public override double Pull(double z)
    {
        if (!TryMove(z))
        {
            return 0;
        }

        double pull = 0;
        for (int k = 0; k < _moved.Length; k++)
        {
            pull += _moved[k] * _direction[k];
        }

        return pull;
    }

    // What the rule gives less the honest mean, mean over those whose result counts.
    private bool TryMove(double z)
    {
        Point(_origin, _direction, z, _byzantine);
        Array.Clear(_moved);
        int first = _knowledge.Victim ?? 0;
        int pivots = _knowledge.Rule.UsesPivot && _knowledge.Victim is null ? _knowledge.Honest.Count : 1;
        for (int i = first; i < first + pivots; i++)
        {
            if (!_knowledge.Rule.TryAggregate(_knowledge.Honest[i].Span, _candidates, _result, null))
            {
                return false;
            }

            for (int k = 0; k < _moved.Length; k++)
            {
                _moved[k] += _result[k];
            }
        }

        for (int k = 0; k < _moved.Length; k++)
        {
            _moved[k] = (_moved[k] / pivots) - _mean[k];
        }

        return true;
    }
}
