using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests;

/// <summary>Data for tests: the repository's MNIST, and small sets of noise.</summary>
internal static class TestData
{
    private static readonly Lazy<TrainAndTest> LoadedMnist = new(() => P2PLearn.Learning.Data.Mnist.Load(MnistDirectory));

    public static string MnistDirectory => Path.Combine(RepositoryRoot(), "data", "mnist");

    public static TrainAndTest Mnist => LoadedMnist.Value;

    public static int[] WholeShare(LabelledExamples data) => [.. Enumerable.Range(0, data.Count)];

    /// <summary>Images of noise with labels of noise.</summary>
    public static LabelledImages Noise(int count, int side, int classCount, ulong seed)
    {
        var random = new SeededRandom(seed);
        byte[] pixels = new byte[count * side * side];
        byte[] labels = new byte[count];
        foreach (ref byte pixel in pixels.AsSpan())
        {
            pixel = (byte)random.NextInt32(256);
        }

        foreach (ref byte label in labels.AsSpan())
        {
            label = (byte)random.NextInt32(classCount);
        }

        return new LabelledImages(pixels, labels, side, side, classCount);
    }

    public static Batch BatchOf(LabelledExamples data)
    {
        var batch = new Batch(data.Count, data.Input.Count, data.Input.TargetCount);
        batch.FillRange(data, 0, data.Count);
        return batch;
    }

    private static string RepositoryRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "P2PLearn.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException("no P2PLearn.sln above the tests");
    }
}
