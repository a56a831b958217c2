using System.Numerics.Tensors;

namespace P2PLearn.Learning.Attacks;

/// <summary>An attacker that plans over several rounds: it pulls in one direction in all of them, each time as far as the rule still takes, so that the pulls add up.</summary>
/// <remarks>
/// In the first round every victim gets the mean of what it sees: hidden, harmless. Every <see cref="PlanRounds"/> rounds, from the second on, a direction
/// is chosen and kept: v = −(μ_t − μ_1)/‖μ_t − μ_1‖, back along all that the honest have learned since μ_1. In each round t of a plan victim i gets
/// <code>
/// b_i = o + z·s_i·v,   z ≥ 0 and o ∈ {x_i, μ_i} such that ⟨rule_i(b_i) − μ_i, v⟩ is the largest
/// </code>
/// with x_i its model, μ_i and s_i mean and root mean square distance of what it sees, and rule_i the rule really in use with its pivot; z by line
/// search. So the vectors stay within what each victim takes, and all victims are moved in the same direction.
/// </remarks>
public sealed class Drift : IVictimAttack
{
    /// <summary>R, rounds for which a direction is kept.</summary>
    public const int PlanRounds = 5;

    private int _round;
    private int _plannedIn;
    private float[] _first = [];
    private float[] _direction = [];

    /// <inheritdoc/>
    public string Name => "drift";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public void Forge(VictimKnowledge knowledge, Span<float> result)
    {
        ArgumentNullException.ThrowIfNull(knowledge);
        AttackKnowledge local = knowledge.AtVictim();
        local.Check(result.Length);
        if (knowledge.Round != _round)
        {
            BeginRound(knowledge);
        }

        if (_direction.Length == 0)
        {
            HonestStatistics.Mean(local.Honest, result);
            return;
        }

        VictimPull.Forge(local, _direction, result);
    }

    private void BeginRound(VictimKnowledge knowledge)
    {
        _round = knowledge.Round;
        if (_direction.Length > 0 && _round < _plannedIn + PlanRounds)
        {
            return;
        }

        float[] mean = new float[knowledge.Honest[0].Length];
        HonestStatistics.Mean(knowledge.Honest, mean);
        if (_first.Length == 0)
        {
            _first = mean;
            return;
        }

        TensorPrimitives.Subtract(_first, mean, mean);
        double norm = Math.Sqrt(CentredGram.Dot(mean, mean));
        if (norm > 0 && double.IsFinite(norm))
        {
            TensorPrimitives.Divide(mean, (float)norm, mean);
            (_direction, _plannedIn) = (mean, _round);
        }
    }
}
