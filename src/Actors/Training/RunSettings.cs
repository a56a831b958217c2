using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Topology;

namespace P2PLearn.Actors.Training;

/// <summary>What the mesh trains. All nodes of a run have the same values: the run's id is their hash.</summary>
/// <remarks>
/// Travels as JSON in the mesh's settings register, so that a joiner needs no configuration. Defaults are those of <c>configs/README.md</c>. A key that came with
/// a later version is left out where it says what earlier versions do anyway: their runs keep their ids, and what they have not said means that.
/// </remarks>
public sealed record RunSettings
{
    /// <summary>Longest encoded settings accepted from the mesh, in bytes.</summary>
    public const int MaxBytes = 4096;

    /// <summary>Most gradients of a run: some weeks of a small model.</summary>
    public const int MaxGradients = 100_000_000;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The model: one of <c>ModelRegistry.Default</c>, or of a plug-in that all nodes of the run have.</summary>
    public string Model { get; init; } = "mlp";

    /// <summary>The mixing rule, a name that <see cref="Aggregators.Create"/> takes.</summary>
    public string Aggregator { get; init; } = Aggregators.Default;

    /// <summary>f, how many members may be faulty or malicious; at least 0. Mixing needs at least 2f + 1 contributions, with a <see cref="Topology"/> 2f' + 1.</summary>
    public int Faulty { get; init; } = 1;

    /// <summary>n, trainers that must be up before the first round starts, this node included; at least 1. A <see cref="Topology"/> is chosen for so many.</summary>
    public int MinPeers { get; init; } = 3;

    /// <summary>Gradients each node computes in the whole run; at least <see cref="LocalSteps"/>.</summary>
    public int Gradients { get; init; } = 600;

    /// <summary>H, local steps before a mixing; at least 1.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>Examples of a batch, in [1, 4096].</summary>
    public int Batch { get; init; } = 25;

    /// <summary>γ₀ of γ_t = γ₀ / (1 + ⌊t / <see cref="DecaySteps"/>⌋); above 0.</summary>
    public double LearningRate { get; init; } = 0.75;

    /// <summary>Steps after which the learning rate falls; at least 1.</summary>
    public int DecaySteps { get; init; } = 50;

    /// <summary>β of m ← βm + (1−β)g, in [0, 1).</summary>
    public double Momentum { get; init; } = LocalOptimizerSettings.DefaultMomentum;

    /// <summary>Seed of the first model, which all nodes start from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Shortest wait for the contributions of a round.</summary>
    public TimeSpan MinDeadline { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest wait for the contributions of a round.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Test examples looked at after each round (the first ones of the test set); 0 = none. The last round looks at all.</summary>
    public int EvaluateImages { get; init; } = 1000;

    /// <summary>Rounds after which each node makes a checkpoint of its model, for those who join late; 0 = only after the last one.</summary>
    public int CheckpointRounds { get; init; } = 10;

    /// <summary>The local optimizer, one of <see cref="LocalOptimizers.Names"/>; null = momentum SGD.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? Optimizer { get; init; }

    /// <summary>Learning-rate schedule from <see cref="LearningRate"/> on, as <see cref="Schedules.Parse"/> reads it; null = <c>step:</c><see cref="DecaySteps"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? Schedule { get; init; }

    /// <summary>λ, at least 0: adamw shrinks the model by γ_t·λ a step, the others add λθ to the gradient.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double WeightDecay { get; init; }

    /// <summary>Longest gradient in the 2-norm; 0 = any.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double MaxGradientNorm { get; init; }

    /// <summary>What follows the mixing, one of <see cref="OuterOptimizers.Names"/>; null = none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? OuterOptimizer { get; init; } = NesterovOuterOptimizer.RegisteredName;

    /// <summary>Learning rate of Nesterov's outer step, above 0 where there is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double OuterLearningRate { get; init; } = 1;

    /// <summary>Its momentum, kept from round to round, in [0, 1).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double OuterMomentum { get; init; } = 0.15;

    /// <summary>τ, how far each node's loss makes up for its own class frequencies, in [0, 10]; 0 = not at all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double LabelPrior { get; init; } = 1;

    /// <summary>How many times as far as its last mixings one may move a node, 0 or in [1, 1000]; 0 = any, and for the plain mean always.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double MoveLimit { get; init; } = Learning.Rounds.MoveLimit.DefaultFactor;

    /// <summary>Whom each node mixes, as <see cref="Topologies.Parse"/> reads it for <see cref="MinPeers"/> nodes; null = everybody, which is what "all" becomes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? Topology { get; init => field = value == Topologies.All ? null : value; }

    /// <summary>f', how many of those whom a node mixes in a round may be faulty, in [0, f]; null = the topology's own choice.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int? Guard { get; init; }

    /// <summary>K, rounds of mixing after the local steps, in [1, 100]; null = 1, which is what 1 becomes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int? MixingRounds { get; init => field = value == 1 ? null : value; }

    /// <summary>In which models travel between the nodes, one of <see cref="ExchangePrecisions.Names"/>; null = float32, which is what "float32" becomes.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? ExchangePrecision { get; init => field = value == ExchangePrecisions.Names[0] ? null : value; }

    /// <summary>The same.</summary>
    [JsonIgnore]
    public ExchangePrecision Precision => ExchangePrecisions.Parse(ExchangePrecision ?? ExchangePrecisions.Names[0]);

    /// <summary>How training and mixing take turns.</summary>
    [JsonIgnore]
    public RoundPlan Plan => new(LocalSteps, MixingRounds ?? 1);

    /// <summary>T / H · K: rounds of the whole run.</summary>
    [JsonIgnore]
    public int Rounds => checked((int)Plan.RoundsOf(Gradients));

    /// <summary>The settings in one fixed form: what is hashed, and what the mesh's register holds.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>The run's id: SHA-256 of <see cref="Encode"/>, 32 bytes.</summary>
    public byte[] ComputeRunId() => SHA256.HashData(Encode());

    /// <summary>Reads settings that came from another member.</summary>
    /// <returns>
    /// False for anything too long, malformed or out of range, and for a rule that this version does not know. Whether the model is known depends
    /// on the plug-ins of the node.
    /// </returns>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out RunSettings? settings)
    {
        settings = null;
        if (bytes.Length > MaxBytes)
        {
            return false;
        }

        try
        {
            settings = JsonSerializer.Deserialize<RunSettings>(bytes, Json);
            settings = settings is null ? null : WithoutWhatIsNotSaid(settings, bytes);
        }
        catch (JsonException)
        {
            return false;
        }

        return settings is not null && settings.FindError() is null;
    }

    /// <summary>The first value out of range as one line, or null when all is well.</summary>
    public string? FindError() => this switch
    {
        { Faulty: < 0 or > 1000 } => Range("faulty", Faulty, "0 to 1000"),
        { MinPeers: < 1 or > 1000 } => Range("min_peers", MinPeers, "1 to 1000"),
        { LocalSteps: < 1 or > 100_000 } => Range("local_steps", LocalSteps, "1 to 100000"),
        { Gradients: > MaxGradients } => Range("gradients", Gradients, $"at most {MaxGradients}"),
        _ when Gradients < LocalSteps => Range("gradients", Gradients, $"at least local_steps ({LocalSteps})"),
        { MixingRounds: < 1 or > 100 } => Range("mixing_rounds", MixingRounds, "1 to 100"),
        _ when Plan.RoundsOf(Gradients) > MaxGradients => Range("mixing_rounds", Plan.MixingRounds, $"such that there are at most {MaxGradients} rounds"),
        { Batch: < 1 or > 4096 } => Range("batch", Batch, "1 to 4096"),
        _ when !(LearningRate > 0 && double.IsFinite(LearningRate)) => Range("learning_rate", LearningRate, "above 0"),
        { DecaySteps: < 1 } => Range("decay_steps", DecaySteps, "at least 1"),
        _ when !(Momentum is >= 0 and < 1) => Range("momentum", Momentum, "0 to below 1"),
        _ when MinDeadline <= TimeSpan.Zero || MinDeadline > MaxDeadline => Range("min_deadline", MinDeadline, "above 0, at most max_deadline"),
        _ when MaxDeadline > TimeSpan.FromHours(1) => Range("max_deadline", MaxDeadline, "at most one hour"),
        { CheckpointRounds: < 0 } => Range("checkpoint_rounds", CheckpointRounds, "at least 0"),
        { EvaluateImages: < 0 } => Range("evaluate_images", EvaluateImages, "at least 0"),
        { Model: null or "" or { Length: > 64 } } => "run.model is missing",
        _ when Model.AsSpan().ContainsAnyExceptInRange('!', '~') => "run.model has characters that no model's name has", // it gets printed
        { Aggregator: null or "" or { Length: > 64 } } => "run.aggregator is missing",
        { ExchangePrecision: { } precision } when !ExchangePrecisions.Names.Contains(precision) => $"run.exchange_precision must be {string.Join(" or ", ExchangePrecisions.Names)}",
        _ when !(MoveLimit is 0 or (>= 1 and <= 1000)) => Range("move_limit", MoveLimit, "0 (no limit) or 1 to 1000"),
        { Topology.Length: > 64 } => "run.topology is too long",
        _ => this.FindTrainingError() ?? this.FindMixingError(),
    };

    /// <summary>One line on a value out of its range.</summary>
    internal static string Range(string key, object value, string allowed) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"run.{key} is {value}, but must be {allowed}");

    // A register without one of these keys is of a version that did not have them, or says that it is off.
    private static RunSettings WithoutWhatIsNotSaid(RunSettings settings, ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement said = document.RootElement;
        return settings with
        {
            OuterOptimizer = said.TryGetProperty("outer_optimizer", out _) ? settings.OuterOptimizer : null,
            OuterLearningRate = said.TryGetProperty("outer_learning_rate", out _) ? settings.OuterLearningRate : 0,
            OuterMomentum = said.TryGetProperty("outer_momentum", out _) ? settings.OuterMomentum : 0,
            LabelPrior = said.TryGetProperty("label_prior", out _) ? settings.LabelPrior : 0,
            MoveLimit = said.TryGetProperty("move_limit", out _) ? settings.MoveLimit : 0,
        };
    }
}
