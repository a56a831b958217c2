namespace P2PLearn.Learning.Rounds;

/// <summary>Somebody whose contributions a node knows.</summary>
internal sealed class Peer(Participant participant)
{
    public Participant Participant { get; } = participant;

    /// <summary>Whether the membership has it now.</summary>
    public bool IsParticipant { get; set; }

    /// <summary>The round in which it left: what it had sent for that round by then still counts. 0 when it never left.</summary>
    public int LeftInRound { get; set; }

    /// <summary>Rounds in a row for which nothing of it came in time.</summary>
    public int MissedInRow { get; set; }

    /// <summary>By round; the number is bounded by the roster.</summary>
    public SortedDictionary<int, Contribution> Contributions { get; } = [];

    /// <summary>Whether what it sends for a round may be used.</summary>
    public bool CountsIn(int round) => IsParticipant || LeftInRound == round;

    /// <summary>Its contribution for a round if that has the given state.</summary>
    public Contribution? In(int round, ContributionState state) =>
        Contributions.TryGetValue(round, out Contribution? found) && found.State == state ? found : null;
}
