using P2PLearn.Learning.Simulation;

namespace P2PLearn.Node.Demo;

/// <summary>What came of one node of the demo.</summary>
public sealed record DemoNodeReport
{
    /// <summary>Its name.</summary>
    public required string Node { get; init; }

    /// <summary>Its peer id.</summary>
    public required string PeerId { get; init; }

    /// <summary>Whether it followed the protocol.</summary>
    public required bool Honest { get; init; }

    /// <summary>Accuracy of its saved model on all test examples, in [0, 1]; null for an attacker.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Its loss there; null for an attacker, and when it is not finite.</summary>
    public double? Loss { get; init; }

    /// <summary>Times that an honest node gave its contribution a share, over all rounds.</summary>
    public required int Kept { get; init; }

    /// <summary>Times that an honest node gave it none, or refused it, or missed it.</summary>
    public required int Rejected { get; init; }

    /// <summary>Model bytes that it sent.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Model bytes that it received.</summary>
    public required long BytesReceived { get; init; }
}

/// <summary>The controls: the same run without the defence, and without the others.</summary>
/// <param name="Mean">The plain mean under the same attack, simulated.</param>
/// <param name="Alone">Every node for itself, simulated.</param>
public sealed record DemoControls(SimulationReport Mean, SimulationReport Alone);

/// <summary>What came of the demo. Names are those of <see cref="SimulationReport"/> where they mean the same.</summary>
public sealed record DemoReport
{
    /// <summary>Mean accuracy of the honest nodes' models on all test examples, in [0, 1].</summary>
    public required double HonestMeanAccuracy { get; init; }

    /// <summary>Accuracy of the worst honest node's model.</summary>
    public required double HonestWorstAccuracy { get; init; }

    /// <summary>Test examples that were looked at.</summary>
    public required int TestExamples { get; init; }

    /// <summary>Rounds of the run.</summary>
    public required int Rounds { get; init; }

    /// <summary>Model bytes that an honest node received; mean over the honest nodes.</summary>
    public required long BytesPerNode { get; init; }

    /// <summary>From the first process's start to the last honest node's end, in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>The whole demo with its controls, in seconds.</summary>
    public required double TotalSeconds { get; init; }

    /// <summary>What was run.</summary>
    public required DemoOptions Settings { get; init; }

    /// <summary>All nodes, honest ones first.</summary>
    public required IReadOnlyList<DemoNodeReport> PerNode { get; init; }

    /// <summary>The two controls.</summary>
    public required DemoControls Controls { get; init; }
}
