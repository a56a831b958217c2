namespace P2PLearn.Learning.Rounds;

/// <summary>Whose contributions a node uses, round by round: everybody's, or those of its neighbourhood.</summary>
/// <remarks>
/// What is said of a round ahead follows the membership of the moment; from <see cref="Fix"/> on the answer for that round stays: a newcomer counts from the
/// next round, and who has left is missing.
/// </remarks>
/// <param name="neighbourhood">Null for everybody.</param>
/// <param name="roster">Who is there.</param>
internal sealed class RoundSources(INeighbourhood? neighbourhood, Roster roster)
{
    /// <summary>Rounds ahead that are remembered: what one participant may sign for, times far more attackers than a rule bears. Beyond them all are asked for anew.</summary>
    private const int MaxForeseen = 1024;

    private readonly Dictionary<int, IReadOnlySet<Participant>?> _foreseen = [];
    private Participant[]? _participants;
    private int _fixedRound;
    private IReadOnlySet<Participant>? _fixed;

    /// <summary>Those whose contributions for a round are used, besides one's own; null for everybody's.</summary>
    public IReadOnlySet<Participant>? Of(int round)
    {
        if (neighbourhood is null || round == _fixedRound)
        {
            return _fixed;
        }

        if (!_foreseen.TryGetValue(round, out IReadOnlySet<Participant>? sources))
        {
            if (_foreseen.Count >= MaxForeseen)
            {
                _foreseen.Clear();
            }

            _participants ??= [.. roster.Participants.Select(p => p.Participant)];
            _foreseen.Add(round, sources = neighbourhood.Sources(round, _participants));
        }

        return sources;
    }

    /// <summary>Whether another's contribution for a round is used.</summary>
    public bool Contains(int round, Participant participant) => Of(round) is not { } sources || sources.Contains(participant);

    /// <summary>The round begins to collect: whoever comes or goes, its sources stay.</summary>
    public void Fix(int round)
    {
        _fixedRound = 0;
        _fixed = Of(round);
        _fixedRound = round;
    }

    /// <summary>Somebody has come or gone.</summary>
    public void NoteMembership()
    {
        _participants = null;
        _foreseen.Clear();
    }
}
