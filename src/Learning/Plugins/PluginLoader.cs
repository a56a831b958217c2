using System.Reflection;

namespace P2PLearn.Learning.Plugins;

/// <summary>Loads assemblies that bring models and kinds of data.</summary>
public static class PluginLoader
{
    /// <summary>Loads plug-ins, each into a place of its own, and adds what they bring.</summary>
    /// <param name="paths">Paths of assemblies; what they need lies beside them.</param>
    /// <returns>The program's own models and kinds of data with theirs.</returns>
    /// <exception cref="PluginException">One cannot be loaded, brings nothing, or a name that is taken.</exception>
    public static LearningCatalog Load(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return paths.Aggregate(LearningCatalog.Default, (catalog, path) => Add(catalog, Path.GetFullPath(path)));
    }

    private static LearningCatalog Add(LearningCatalog catalog, string path)
    {
        if (!File.Exists(path))
        {
            throw new PluginException(path, "no such file");
        }

        IPlugin[] plugins = Guard(path, "cannot be loaded", () => Create(path));
        if (plugins.Length == 0)
        {
            throw new PluginException(path, $"no public class in it implements {nameof(IPlugin)} and has a constructor without parameters");
        }

        LearningCatalog grown = Guard(path, "failed", () => plugins.Aggregate(
            catalog, (known, plugin) => new LearningCatalog(plugin.AddModels(known.Models), plugin.AddData(known.Data))));
        return grown == catalog ? throw new PluginException(path, "it brings neither a model nor a kind of data") : grown;
    }

    private static IPlugin[] Create(string path)
    {
        Assembly assembly = new PluginContext(path).LoadFromAssemblyPath(path);
        IEnumerable<Type> types = assembly.GetExportedTypes()
            .Where(t => !t.IsAbstract && typeof(IPlugin).IsAssignableFrom(t) && t.GetConstructor(Type.EmptyTypes) is not null)
            .OrderBy(t => t.FullName, StringComparer.Ordinal);
        return [.. types.Select(t => (IPlugin)Activator.CreateInstance(t)!)];
    }

    // Whatever somebody else's code throws, a missing dependency or a bug, belongs to the user, in one line.
    private static T Guard<T>(string path, string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (BadImageFormatException e)
        {
            throw new PluginException(path, "no .NET assembly for this runtime", e);
        }
        catch (Exception e)
        {
            Exception cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            throw new PluginException(path, $"{what}: {cause.Message}", cause);
        }
    }
}
