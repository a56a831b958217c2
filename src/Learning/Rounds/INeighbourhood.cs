namespace P2PLearn.Learning.Rounds;

/// <summary>Whose models a node mixes, where that is not everybody's.</summary>
/// <remarks>Pure: the same round and participants give the same answer. The machine asks once more when the membership changes, but keeps the answer for a round that it collects.</remarks>
public interface INeighbourhood
{
    /// <summary>Whose models the node mixes in a round, besides its own.</summary>
    /// <param name="round">From 1 on.</param>
    /// <param name="participants">Those who are there, in order, the node itself among them.</param>
    /// <returns>Null: everybody's, newcomers' too, as without a neighbourhood.</returns>
    IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants);
}
