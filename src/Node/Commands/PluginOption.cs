using System.CommandLine;
using P2PLearn.Learning.Plugins;

namespace P2PLearn.Node.Commands;

/// <summary>The option <c>--plugin</c> of the commands that train or try models.</summary>
internal static class PluginOption
{
    /// <summary>The option, anew for each command.</summary>
    public static Option<string[]> Create() => new("--plugin")
    {
        Description = "Assembly that brings models or kinds of data, see samples/PluginModel; may be given several times",
    };

    /// <summary>What can be trained with these plug-ins.</summary>
    /// <exception cref="UserErrorException">One of them cannot be used.</exception>
    public static LearningCatalog Load(IReadOnlyList<string>? paths)
    {
        try
        {
            return PluginLoader.Load(paths ?? []);
        }
        catch (PluginException e)
        {
            throw new UserErrorException(e.Message);
        }
    }
}
