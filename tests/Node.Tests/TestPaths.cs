namespace P2PLearn.Node.Tests;

/// <summary>Where the repository's files are.</summary>
internal static class TestPaths
{
    public static string Root { get; } = Find();

    public static string Mnist => Path.Combine(Root, "data", "mnist");

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "P2PLearn.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("P2PLearn.sln is in no folder above the tests");
    }
}
