using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Models;

namespace P2PLearn.Actors.Training;

/// <summary>What the mesh trains. All nodes of a run have the same values: the run's id is their hash.</summary>
/// <remarks>Travels as JSON in the mesh's settings register, so that a joiner needs no configuration. Defaults are those of <c>configs/README.md</c>.</remarks>
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

    /// <summary>The model: <c>mlp</c>, <c>cnn</c> or <c>logistic</c>.</summary>
    public string Model { get; init; } = "mlp";

    /// <summary>The mixing rule: <c>nna</c>, <c>trimmed-mean</c> or <c>mean</c>.</summary>
    public string Aggregator { get; init; } = "nna";

    /// <summary>f, how many members may be faulty or malicious; at least 0. Mixing needs at least 2f + 1 contributions.</summary>
    public int Faulty { get; init; } = 1;

    /// <summary>Trainers that must be up before the first round starts, this node included; at least 1.</summary>
    public int MinPeers { get; init; } = 3;

    /// <summary>Gradients each node computes in the whole run; at least <see cref="LocalSteps"/>.</summary>
    public int Gradients { get; init; } = 600;

    /// <summary>H, local steps between two mixings; at least 1.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>Images of a batch, in [1, 4096].</summary>
    public int Batch { get; init; } = 25;

    /// <summary>γ₀ of γ_t = γ₀ / (1 + ⌊t / <see cref="DecaySteps"/>⌋); above 0.</summary>
    public double LearningRate { get; init; } = 0.75;

    /// <summary>Steps after which the learning rate falls; at least 1.</summary>
    public int DecaySteps { get; init; } = 50;

    /// <summary>β of m ← βm + (1−β)g, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.99;

    /// <summary>Seed of the first model, which all nodes start from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Shortest wait for the contributions of a round.</summary>
    public TimeSpan MinDeadline { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest wait for the contributions of a round.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Test images looked at after each round (the first ones of the test set); 0 = none. The last round looks at all.</summary>
    public int EvaluateImages { get; init; } = 1000;

    /// <summary>T / H: rounds of the whole run.</summary>
    [JsonIgnore]
    public int Rounds => Gradients / LocalSteps;

    /// <summary>The settings in one fixed form: what is hashed, and what the mesh's register holds.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>The run's id: SHA-256 of <see cref="Encode"/>, 32 bytes.</summary>
    public byte[] ComputeRunId() => SHA256.HashData(Encode());

    /// <summary>Reads settings that came from another member.</summary>
    /// <returns>False for anything too long, malformed or out of range, and for a model or rule that this version does not know.</returns>
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
        }
        catch (JsonException)
        {
            return false;
        }

        return settings is not null && settings.FindError() is null
            && ModelRegistry.Default.Names.Contains(settings.Model) && Aggregators.Names.Contains(settings.Aggregator);
    }

    /// <summary>The first value out of range as one line, or null when all is well.</summary>
    public string? FindError() => this switch
    {
        { Faulty: < 0 or > 1000 } => Range("faulty", Faulty, "0 to 1000"),
        { MinPeers: < 1 or > 1000 } => Range("min_peers", MinPeers, "1 to 1000"),
        { LocalSteps: < 1 or > 100_000 } => Range("local_steps", LocalSteps, "1 to 100000"),
        { Gradients: > MaxGradients } => Range("gradients", Gradients, $"at most {MaxGradients}"),
        _ when Gradients < LocalSteps => Range("gradients", Gradients, $"at least local_steps ({LocalSteps})"),
        { Batch: < 1 or > 4096 } => Range("batch", Batch, "1 to 4096"),
        _ when !(LearningRate > 0 && double.IsFinite(LearningRate)) => Range("learning_rate", LearningRate, "above 0"),
        { DecaySteps: < 1 } => Range("decay_steps", DecaySteps, "at least 1"),
        _ when !(Momentum is >= 0 and < 1) => Range("momentum", Momentum, "0 to below 1"),
        _ when MinDeadline <= TimeSpan.Zero || MinDeadline > MaxDeadline => Range("min_deadline", MinDeadline, "above 0, at most max_deadline"),
        _ when MaxDeadline > TimeSpan.FromHours(1) => Range("max_deadline", MaxDeadline, "at most one hour"),
        { EvaluateImages: < 0 } => Range("evaluate_images", EvaluateImages, "at least 0"),
        { Model: null or "" or { Length: > 64 } } => "run.model is missing",
        { Aggregator: null or "" or { Length: > 64 } } => "run.aggregator is missing",
        _ => null,
    };

    private static string Range(string key, object value, string allowed) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"run.{key} is {value}, but must be {allowed}");
}
