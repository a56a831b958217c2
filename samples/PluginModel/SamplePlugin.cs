using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Plugins;

namespace P2PLearn.PluginModel;

/// <summary>What the program finds in this assembly: it makes one of these and asks it what it brings.</summary>
public sealed class SamplePlugin : IPlugin
{
    /// <inheritdoc/>
    public ModelRegistry AddModels(ModelRegistry models)
    {
        ArgumentNullException.ThrowIfNull(models);
        return models.With(HandwrittenNet.RegisteredName, ModelInput.Mnist, HandwrittenNet.For);
    }

    /// <inheritdoc/>
    public DataSources AddData(DataSources data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.With(Rings.Kind, Rings.Load);
    }
}
