using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Plugins;

/// <summary>What an assembly of one's own brings along: models, and kinds of data.</summary>
/// <remarks>
/// A public class with a constructor without parameters implements it; <see cref="PluginLoader"/> makes one and asks it once, when the
/// program starts. A plug-in is code that does what it likes with the rights of the process: load only what you would run.
/// </remarks>
public interface IPlugin
{
    /// <summary>Adds models by <see cref="ModelRegistry.With(string, ModelInput, Func{ModelInput, ITrainableModel})"/>.</summary>
    /// <param name="models">Those that are known so far.</param>
    /// <returns>A registry with more models, or <paramref name="models"/>.</returns>
    /// <exception cref="ArgumentException">A name is taken.</exception>
    ModelRegistry AddModels(ModelRegistry models);

    /// <summary>Adds kinds of data by <see cref="DataSources.With"/>; by default none.</summary>
    /// <param name="data">Those that are known so far.</param>
    /// <returns>Sources with more kinds, or <paramref name="data"/>.</returns>
    /// <exception cref="ArgumentException">A kind is taken.</exception>
    DataSources AddData(DataSources data) => data;
}
