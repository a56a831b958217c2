using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Detection;

/// <summary>How one peer stood in the window.</summary>
/// <param name="Participant">Who.</param>
/// <param name="Rounds">Mixings it was in.</param>
/// <param name="Far">Of them those in which it was far out, not finite included.</param>
/// <param name="Twin">Of them those in which another peer was at exactly its distance: two that send one vector.</param>
/// <param name="Rejected">Of them those in which the rule gave it no share.</param>
public readonly record struct PeerStanding(Participant Participant, int Rounds, int Far, int Twin, int Rejected);
