using System.Reflection;
using System.Runtime.Loader;

namespace P2PLearn.Learning.Plugins;

/// <summary>Where a plug-in's assembly lives with what lies beside it, apart from the program's own versions of the same libraries.</summary>
/// <remarks>
/// Only this assembly is shared, whatever copy of it lies beside the plug-in: else the plug-in's <see cref="IPlugin"/> would be
/// another type than ours. It stays loaded until the process ends.
/// </remarks>
internal sealed class PluginContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
{
    private static readonly Assembly Shared = typeof(IPlugin).Assembly;

    private readonly AssemblyDependencyResolver _resolver = new(path);

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name == Shared.GetName().Name)
        {
            return Shared;
        }

        return _resolver.ResolveAssemblyToPath(assemblyName) is { } beside ? LoadFromAssemblyPath(beside) : null;
    }

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } beside ? LoadUnmanagedDllFromPath(beside) : 0;
}
