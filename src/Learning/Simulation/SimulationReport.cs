using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using P2PLearn.Learning.Models;

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
    ulong Seed,
    string Topology,
    int FaultySources)
{
    /// <summary>K, rounds of mixing after the local steps.</summary>
    public int MixingRounds { get; init; } = 1;

    /// <summary>How many times as far as its last mixings one may move a node; 0 = any.</summary>
    public double MoveLimit { get; init; }

    /// <summary>In which models travel, as <see cref="ExchangePrecisions"/> names it.</summary>
    public string ExchangePrecision { get; init; } = "";

    /// <summary>One-way delay in ms; see <see cref="NetworkOptions"/>, as for the others.</summary>
    public string Latency { get; init; } = "";

    /// <summary>Mbit/s of a node, or "unlimited".</summary>
    public string Bandwidth { get; init; } = "";

    /// <summary>Chance that a transfer breaks.</summary>
    public double Loss { get; init; }

    /// <summary>Chance that an honest node leaves at the end of a round, and mean seconds away; "0" when nobody does.</summary>
    public string Churn { get; init; } = "";

    /// <summary>Those of a run.</summary>
    public static SimulationSettings Of(SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new SimulationSettings(
            options.Nodes, options.Byzantine, options.Attack, options.Aggregator, options.Model, options.Partition,
            options.Gradients, options.LocalSteps, options.Batch, options.Seed, options.Topology, options.FaultySources)
        {
            MixingRounds = options.MixingRounds,
            MoveLimit = options.MoveLimit,
            ExchangePrecision = options.ExchangePrecision.ToName(),
            Latency = options.Network.Latency.ToString(),
            Bandwidth = options.Network.BandwidthText,
            Loss = options.Network.Loss,
            Churn = options.Network.ChurnText,
        };
    }
}

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

    /// <summary>Of an attacker: share of the times that an honest node heard it in which it was kept; null for the honest, and when nobody heard it.</summary>
    public double? KeptShare { get; init; }

    /// <summary>Byzantine peers that look like outliers to it at the end, by its last rounds.</summary>
    public int SuspectedByzantine { get; init; }

    /// <summary>Honest peers that do: false alarms.</summary>
    public int SuspectedHonest { get; init; }
}

/// <summary>What came of a simulated run.</summary>
public sealed record SimulationReport
{
    internal static readonly JsonSerializerOptions Json = new()
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

    /// <summary>How long the run took in its own time, in which training a round takes a second: what waiting costs.</summary>
    public required double VirtualSeconds { get; init; }

    /// <summary>Transfers of models that broke and were made up for, or not.</summary>
    public long BrokenTransfers { get; init; }

    /// <summary>How often an honest node left.</summary>
    public int Departures { get; init; }

    /// <summary>Mixings of honest nodes, over all rounds, in which more attackers were among the candidates than the rule guards against.</summary>
    public int BeyondGuard { get; init; }

    /// <summary>Mixings of honest nodes that would have moved them too far, and were shortened.</summary>
    public int Limited { get; init; }

    /// <summary>The most bytes that models of nodes that train took at once: of each its own and its momentum, both again for the outer step, and the contributions that somebody could still mix.</summary>
    public long PeakModelBytes { get; init; }

    /// <summary>SHA-256 over the final models of the honest nodes in order, in hexadecimal: equal for equal settings.</summary>
    public required string ModelHash { get; init; }

    /// <summary>The settings.</summary>
    public required SimulationSettings Settings { get; init; }

    /// <summary>All nodes in order.</summary>
    public required IReadOnlyList<NodeReport> PerNode { get; init; }

    /// <summary>One line of JSON with names in snake_case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
