using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>Probes a rule that looks only at distances, on the Gram matrix of the honest models and the direction.</summary>
/// <remarks>
/// Everything is relative to the origin: honest model i is the i-th basis vector, the Byzantine one z times the last, so a trial costs nothing
/// that depends on d.
/// </remarks>
internal sealed class GramProbe : RuleProbe
{
    private readonly IDistanceRule _rule;
    private readonly int? _victim;
    private readonly int _honest;
    private readonly int _size;
    private readonly double[] _gram;
    private readonly double[] _squared;
    private readonly double[] _weights;
    private readonly double[] _moved;

    public GramProbe(AttackKnowledge knowledge, IDistanceRule rule, float[] origin, float[] direction)
    {
        _rule = rule;
        _victim = knowledge.Victim;
        _honest = knowledge.Honest.Count;
        _size = _honest + knowledge.ByzantineCount;
        _gram = CentredGram.Compute(knowledge.Honest, origin, direction);
        _squared = new double[_size * _size];
        _weights = new double[_size];
        _moved = new double[_honest + 1];
    }

    /// <inheritdoc/>
    public override double Damage(double z)
    {
        if (!TryMove(z))
        {
            return 0;
        }

        double damage = 0;
        for (int i = 0; i <= _honest; i++)
        {
            for (int j = 0; j <= _honest; j++)
            {
                damage += _moved[i] * _moved[j] * Gram(i, j);
            }
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
        for (int i = 0; i <= _honest; i++)
        {
            pull += _moved[i] * Gram(i, _honest);
        }

        return pull;
    }

    // What the rule gives, in the basis of the honest models and u, less the honest mean.
    private bool TryMove(double z)
    {
        FillDistances(z);
        Array.Fill(_moved, -1.0 / _honest, 0, _honest);
        _moved[_honest] = 0;
        int first = _victim ?? 0;
        int pivots = _victim is null ? _honest : 1;
        for (int pivot = first; pivot < first + pivots; pivot++)
        {
            if (!_rule.TryWeigh(_squared, pivot, _weights))
            {
                return false;
            }

            for (int j = 0; j < _size; j++)
            {
                _moved[Math.Min(j, _honest)] += _weights[j] * (j < _honest ? 1 : z) / pivots;
            }
        }

        return true;
    }

    private double Gram(int i, int j) => _gram[(i * (_honest + 1)) + j];

    private void FillDistances(double z)
    {
        for (int i = 0; i < _size; i++)
        {
            for (int j = 0; j < _size; j++)
            {
                (int a, double x) = i < _honest ? (i, 1.0) : (_honest, z);
                (int b, double y) = j < _honest ? (j, 1.0) : (_honest, z);
                double squared = (x * x * Gram(a, a)) + (y * y * Gram(b, b)) - (2 * x * y * Gram(a, b));
                _squared[(i * _size) + j] = a == b ? 0 : double.IsNaN(squared) ? double.PositiveInfinity : Math.Max(0, squared);
            }
        }
    }
}
