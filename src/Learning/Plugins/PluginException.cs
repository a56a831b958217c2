namespace P2PLearn.Learning.Plugins;

/// <summary>An assembly that cannot be used as a plug-in; the message is one line for the user, with the path.</summary>
public sealed class PluginException : Exception
{
    internal PluginException(string path, string problem, Exception? cause = null)
        : base($"plug-in {path}: {problem.ReplaceLineEndings(" ").TrimEnd('.')}", cause)
    {
    }
}
