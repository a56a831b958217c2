using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Experiments;

/// <summary>How a run ended.</summary>
/// <param name="Finished">False when it was stopped before its last round.</param>
/// <param name="Report">What came of it; null when it was stopped.</param>
public sealed record RunEnd(bool Finished, SimulationReport? Report);

/// <summary>What a results file says of one run.</summary>
/// <param name="Settings">The run's.</param>
/// <param name="Rounds">In order.</param>
/// <param name="End">Null when the file ends before the run did.</param>
public sealed record RunResults(SimulationSettings Settings, IReadOnlyList<SimulationRound> Rounds, RunEnd? End);
