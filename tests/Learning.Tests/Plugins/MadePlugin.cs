using System.Reflection;
using System.Reflection.Emit;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Plugins;

namespace P2PLearn.Learning.Tests.Plugins;

/// <summary>Two assemblies made on the spot: a plug-in that adds nothing, and the one that its base class is in.</summary>
internal static class MadePlugin
{
    public const string Dependency = "MadeDependency";

    /// <summary>Writes both.</summary>
    /// <returns>Path of the plug-in.</returns>
    public static string Write(string folder)
    {
        var dependency = new PersistedAssemblyBuilder(new AssemblyName(Dependency), typeof(object).Assembly);
        Type parent = dependency.DefineDynamicModule(Dependency).DefineType("Parent", TypeAttributes.Public).CreateType();
        dependency.Save(Path.Combine(folder, Dependency + ".dll"));

        var plugin = new PersistedAssemblyBuilder(new AssemblyName("MadePlugin"), typeof(object).Assembly);
        TypeBuilder type = plugin.DefineDynamicModule("MadePlugin").DefineType("Made", TypeAttributes.Public, parent, [typeof(IPlugin)]);
        MethodBuilder add = type.DefineMethod(
            nameof(IPlugin.AddModels), MethodAttributes.Public | MethodAttributes.Virtual, typeof(ModelRegistry), [typeof(ModelRegistry)]);
        ILGenerator body = add.GetILGenerator();
        body.Emit(OpCodes.Ldarg_1);
        body.Emit(OpCodes.Ret);
        type.CreateType();
        string path = Path.Combine(folder, "MadePlugin.dll");
        plugin.Save(path);
        return path;
    }
}
