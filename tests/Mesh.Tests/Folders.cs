namespace P2PLearn.Mesh.Tests;

/// <summary>The repository, and folders that go when the test does.</summary>
internal sealed class Folders : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("p2plearn-mesh-").FullName;

    public static string Root { get; } = FindRoot();

    public static string Mnist => Path.Combine(Root, "data", "mnist");

    public string this[string name] => Path.Combine(_path, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(_path, recursive: true);
        }
        catch (IOException)
        {
            // A process that was just killed may still hold a file.
        }
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "P2PLearn.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("P2PLearn.sln is in no folder above the tests");
    }
}
