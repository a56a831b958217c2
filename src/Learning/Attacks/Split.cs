namespace P2PLearn.Learning.Attacks;

/// <summary>An attacker that plans over several rounds: it keeps two camps of honest nodes apart, so that the spread in which vectors hide grows from round to round.</summary>
/// <remarks>
/// In the first round the direction v in which the honest models differ most is found and each honest node gets a side, the sign of its place along it (by
/// rank, so that the camps are of equal size). From then on victim i gets
/// <code>
/// b_i = o + z·s_i·side_i·v,   z ≥ 0 and o ∈ {x_i, μ_i} such that ⟨rule_i(b_i) − μ_i, side_i·v⟩ is the largest
/// </code>
/// as in <see cref="Drift"/>. Unlike <see cref="Spectral"/> it holds on to one direction and to its camps: a camp that has drifted off hears the other as outliers.
/// </remarks>
public sealed class Split : IVictimAttack
{
    private float[] _direction = [];
    private float[] _opposite = [];
    private bool[] _inFirstCamp = [];

    /// <inheritdoc/>
    public string Name => "split";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(VictimKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        AttackKnowledge local = knowledge.AtVictim();
        local.Check(result.Length);
        if (_direction.Length == 0)
        {
            Plan(knowledge);
        }

        bool first = knowledge.Victim < _inFirstCamp.Length && _inFirstCamp[knowledge.Victim];
        VictimPull.Forge(local, first ? _direction : _opposite, result);
    }

    private void Plan(VictimKnowledge knowledge)
    {
        float[] mean = new float[knowledge.Honest[0].Length];
        HonestStatistics.Mean(knowledge.Honest, mean);
        double[] gram = CentredGram.Compute(knowledge.Honest, mean, []);
        double[] places = HonestSpectrum.Slowest(knowledge.Neighbourhoods, gram);
        float[] direction = new float[mean.Length];
        for (int i = 0; i < places.Length; i++)
        {
            ReadOnlySpan<float> model = knowledge.Honest[i].Span;
            for (int k = 0; k < direction.Length; k++)
            {
                direction[k] += (float)(places[i] * (model[k] - mean[k]));
            }
        }

        double norm = Math.Sqrt(CentredGram.Dot(direction, direction));
        _direction = [.. direction.Select(x => norm > 0 ? (float)(x / norm) : 0)];
        _opposite = [.. _direction.Select(x => -x)];
        int[] order = [.. Enumerable.Range(0, places.Length).OrderByDescending(i => places[i])];
        _inFirstCamp = new bool[places.Length];
        foreach (int i in order.Take((places.Length + 1) / 2))
        {
            _inFirstCamp[i] = true;
        }
    }
}
