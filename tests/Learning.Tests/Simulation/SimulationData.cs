using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Simulation;

/// <summary>MNIST, read once for all simulations of the tests.</summary>
internal static class SimulationData
{
    private static readonly Lazy<TrainAndTest> Data = new(() => Mnist.Load(Folder()));

    /// <summary>The data set.</summary>
    public static TrainAndTest Load() => Data.Value;

    private static string Folder()
    {
        DirectoryInfo folder = new(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "data", "mnist")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("data/mnist is not above the tests");
        }

        return Path.Combine(folder.FullName, "data", "mnist");
    }
}
