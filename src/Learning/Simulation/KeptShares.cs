using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>How often the honest nodes gave each attacker a share, of the times that they heard it.</summary>
/// <param name="attackers">In order.</param>
internal sealed class KeptShares(IReadOnlyList<Participant> attackers)
{
    private readonly Dictionary<Participant, int> _indices = Enumerable.Range(0, attackers.Count).ToDictionary(i => attackers[i]);
    private readonly int[] _kept = new int[attackers.Count];
    private readonly int[] _heard = new int[attackers.Count];

    /// <summary>Takes in what the rule of an honest node did.</summary>
    public void Add(MixOutcome mix)
    {
        foreach (ContributorOutcome outcome in mix.Contributors)
        {
            if (_indices.TryGetValue(outcome.Participant, out int attacker))
            {
                _heard[attacker]++;
                _kept[attacker] += outcome.Kept ? 1 : 0;
            }
        }
    }

    /// <summary>Of each attacker, in [0, 1]; null while nobody heard it.</summary>
    public double?[] OfEach() => [.. _heard.Select((heard, i) => heard == 0 ? null : (double?)Math.Round((double)_kept[i] / heard, 4))];

    /// <summary>Of all together; null while nobody heard any.</summary>
    public double? OfAll() => _heard.Sum() is var heard && heard == 0 ? null : Math.Round((double)_kept.Sum() / heard, 4);
}
