namespace P2PLearn.Learning.Tests.Plugins;

/// <summary>The worked example of samples/PluginModel, as the build has put it beside the tests.</summary>
internal static class Sample
{
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "plugins", "P2PLearn.PluginModel.dll");
}
