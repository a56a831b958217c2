using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Plugins;

/// <summary>What a process can train, and on what: its own models and kinds of data, and those of its plug-ins. Immutable.</summary>
/// <param name="Models">By the names that settings of runs use.</param>
/// <param name="Data">By the kinds that data sources begin with.</param>
public sealed record LearningCatalog(ModelRegistry Models, DataSources Data)
{
    /// <summary>Without any plug-in.</summary>
    public static LearningCatalog Default { get; } = new(ModelRegistry.Default, DataSources.Default);
}
