namespace P2PLearn.Learning.Simulation;

/// <summary>What the honest nodes were like when the last of those present had finished a round.</summary>
public sealed record SimulationRound
{
    /// <summary>The round, from 1 on.</summary>
    public required int Round { get; init; }

    /// <summary>Rounds of the run.</summary>
    public required int Rounds { get; init; }

    /// <summary>Virtual time since the start.</summary>
    public required double VirtualSeconds { get; init; }

    /// <summary>Model bytes that an honest node has received so far, as float32; mean.</summary>
    public required long BytesPerNode { get; init; }

    /// <summary>Honest nodes that finished the round; the others were away or jumped over it.</summary>
    public required int Present { get; init; }

    /// <summary>How many of them mixed in it.</summary>
    public required int Mixed { get; init; }

    /// <summary>Mean loss of their local steps of the round; null when it is not finite.</summary>
    public double? TrainLoss { get; init; }

    /// <summary>Honest nodes whose models were measured on the test set.</summary>
    public required int Measured { get; init; }

    /// <summary>Their mean accuracy, in [0, 1]; null when none was measured.</summary>
    public double? AccuracyMean { get; init; }

    /// <summary>The worst one's accuracy.</summary>
    public double? AccuracyWorst { get; init; }

    /// <summary>Their mean loss on the test set; null when it is not finite.</summary>
    public double? TestLoss { get; init; }

    /// <summary>Honest disagreement: root mean square of the distances of the honest models to their mean; null when it is not finite.</summary>
    public double? Disagreement { get; init; }

    /// <summary>Share of the times that an honest node heard an attacker in which its rule kept it, over all attackers; null when none was heard.</summary>
    public double? KeptShare { get; init; }

    /// <summary>The same of each attacker, in order; null for those whom nobody heard.</summary>
    public IReadOnlyList<double?> KeptShareOfEach { get; init; } = [];
}
