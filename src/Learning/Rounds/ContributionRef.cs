namespace P2PLearn.Learning.Rounds;

/// <summary>Names one contributed model without holding it.</summary>
/// <remarks>Whoever makes one for another participant has checked that participant's signature over it.</remarks>
/// <param name="Participant">Whose model.</param>
/// <param name="Round">Of which round, in [1, rounds].</param>
/// <param name="Root">Hash of its bytes; two of them by one participant for one round are proof of equivocation.</param>
public readonly record struct ContributionRef(Participant Participant, int Round, ModelRoot Root)
{
    /// <summary>E.g. <c>a@3:0badcafe</c>.</summary>
    public override string ToString() => $"{Participant}@{Round}:{Root.ToString().AsSpan(0, 8)}";
}
