namespace P2PLearn.Learning.Rounds;

/// <summary>How training and mixing take turns: H local steps, then K rounds of mixing, each with what the others made of the one before.</summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), algorithm 1 with K &gt;= 1: the honest come closer with each mixing, and an attacker gets one more say
/// with each. A round is one mixing, so that each costs the bytes of one exchange; only the first of K begins with local steps.
/// </remarks>
/// <param name="LocalSteps">H, at least 1.</param>
/// <param name="MixingRounds">K, at least 1.</param>
public readonly record struct RoundPlan(int LocalSteps, int MixingRounds)
{
    /// <summary>Rounds of a run of so many gradients, T / H · K.</summary>
    public long RoundsOf(int gradients) => (long)(gradients / LocalSteps) * MixingRounds;

    /// <summary>Local steps that a round, counted from 1, begins with.</summary>
    public int StepsIn(int round) => (round - 1) % MixingRounds == 0 ? LocalSteps : 0;

    /// <summary>Local steps of a run from its start to the end of a round; 0 for round 0.</summary>
    public long StepsUntil(int round) => (((long)round + MixingRounds - 1) / MixingRounds) * LocalSteps;

    /// <summary>Whether a round is the last mixing of its K: local steps follow, or the end.</summary>
    public bool IsLastMixing(int round) => round % MixingRounds == 0;
}
