using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>The first byte of a model has come to a node's link; no event of the node's machine.</summary>
internal sealed record ModelReached(ContributionRef Contribution) : RoundEvent;

/// <summary>A node that was away is back; no event of its machine, which it does not have yet.</summary>
internal sealed record CameBack : RoundEvent;
