using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace P2PLearn.Learning.Simulation;

/// <summary>How far a simulation is.</summary>
/// <param name="Round">Rounds that every honest node has finished.</param>
/// <param name="Rounds">Rounds of the run.</param>
public readonly record struct SimulationProgress(int Round, int Rounds);

/// <summary>The settings that a report is of.</summary>
public sealed record SimulationSettings(
    int Nodes,
    int Byzantine,
    string Attack,
    string Aggregator,
    string Model,
    string Partition,
    int Gradients,
    int LocalSteps,
    int Batch,
    ulong Seed);

/// <summary>What came of one node.</summary>
public sealed record NodeReport
{
    /// <summary>Its name.</summary>
    public required string Node { get; init; }

    /// <summary>Whether it followed the protocol.</summary>
    public required bool Honest { get; init; }

    /// <summary>Accuracy of its model on the test set, in [0, 1]; null for the Byzantine.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Mean loss on the test set; null for the Byzantine, and when it is not finite.</summary>
    public double? Loss { get; init; }

    /// <summary>Images of its own; 0 when it does not train.</summary>
    public int Images { get; init; }

    /// <summary>Rounds in which it mixed.</summary>
    public int Mixed { get; init; }

    /// <summary>Byzantine contributions that it gave a share, over all rounds.</summary>
    public int KeptByzantine { get; init; }

    /// <summary>Byzantine contributions that it gave none.</summary>
    public int RejectedByzantine { get; init; }

    /// <summary>Honest contributions of others that it gave no share.</summary>
    public int RejectedHonest { get; init; }
}

/// <summary>What came of a simulated run.</summary>
public sealed record SimulationReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // names are read by people; the output is never put into a page
    };

    /// <summary>Mean accuracy of the honest nodes on the test set, in [0, 1].</summary>
    public required double HonestMeanAccuracy { get; init; }

    /// <summary>Accuracy of the worst honest node.</summary>
    public required double HonestWorstAccuracy { get; init; }

    /// <summary>Rounds of the run.</summary>
    public required int Rounds { get; init; }

    /// <summary>Model bytes that an honest node received, as float32; mean over the honest nodes.</summary>
    public required long BytesPerNode { get; init; }

    /// <summary>Wall time of the run, evaluation included.</summary>
    public required double Seconds { get; init; }

    /// <summary>SHA-256 over the final models of the honest nodes in order, in hexadecimal: equal for equal settings.</summary>
    public required string ModelHash { get; init; }

    /// <summary>The settings.</summary>
    public required SimulationSettings Settings { get; init; }

    /// <summary>All nodes in order.</summary>
    public required IReadOnlyList<NodeReport> PerNode { get; init; }

    /// <summary>One line of JSON with names in snake_case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
