using P2PLearn.Learning;
using P2PLearn.Learning.Data;

namespace P2PLearn.PluginModel;

/// <summary>A kind of data of one's own: points in the plane that lie on one of two rings, which no straight line parts.</summary>
public static class Rings
{
    /// <summary>What stands in front of a data source: <c>rings</c>, or <c>rings:?count=2000</c>.</summary>
    public const string Kind = "rings";

    private const int DefaultCount = 2000;
    private const int MaxCount = 1_000_000;
    private static readonly string[] Names = ["inner", "outer"];

    /// <summary>Makes the points: the same ones everywhere, because partitioners count on it.</summary>
    /// <exception cref="ArgumentException">An option is wrong; one line for the user.</exception>
    public static ExampleSets Load(DataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.Require(needsPath: false, "count");
        int count = source.Integer("count", DefaultCount, least: 10, MaxCount);
        return new ExampleSets(Make(count, seed: 1), Make(count / 5, seed: 2));
    }

    private static LabelledFeatures Make(int count, ulong seed)
    {
        var random = new SeededRandom(seed);
        float[] points = new float[2 * count];
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = (byte)(i % 2);
            double radius = labels[i] + 0.5 + (0.1 * random.NextGaussian());
            double angle = 2 * Math.PI * random.NextDouble();
            points[2 * i] = (float)(radius * Math.Cos(angle));
            points[(2 * i) + 1] = (float)(radius * Math.Sin(angle));
        }

        return new LabelledFeatures(points, labels, 2, Names);
    }
}
