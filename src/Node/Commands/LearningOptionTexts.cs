using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Node.Commands;

/// <summary>What the help of several commands says in the same words.</summary>
internal static class LearningOptionTexts
{
    /// <summary>The partitions.</summary>
    public const string Partitions = "iid, dirichlet:ALPHA, sorted, shards:K, quantity-skew:ALPHA or embedding:ALPHA";

    /// <summary>The topologies.</summary>
    public const string Topologies = "all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S";

    /// <summary>f'.</summary>
    public const string Guard = "f', how many of those that a node hears its rule guards against; the topology's choice unless given";

    /// <summary>K.</summary>
    public const string MixingRounds = "Rounds of mixing after the local steps, each with what the others made of the one before";

    /// <summary>The forms in which models travel.</summary>
    public const string ExchangePrecision = "In which models travel: float32, or float16 for half the bytes";

    /// <summary>The models without plug-ins.</summary>
    public static string Models { get; } = string.Join(", ", ModelRegistry.Default.Names) + ", or one of a --plugin";

    /// <summary>The kinds of data without plug-ins.</summary>
    public static string Data { get; } = DataSources.Forms + " (options and more in configs/README.md)";
}
