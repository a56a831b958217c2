using System.Numerics.Tensors;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Partitioning;

/// <summary>An embedding that needs no training: a fixed random Gaussian projection, which keeps distances roughly as they are.</summary>
/// <remarks>Source: Johnson and Lindenstrauss 1984; Dasgupta and Gupta 2003, theorem 2.1.</remarks>
internal static class RandomProjection
{
    private const int Width = 50;
    private const ulong Seed = 20_030_101; // one for all runs: the embedding is a property of the data, not of the deal

    /// <summary>The embedding.</summary>
    /// <returns>Shape [count, width], and the width: 50, or that of the data when it is no larger.</returns>
    public static (float[] Points, int Width) Of(LabelledExamples data)
    {
        int inputs = data.Input.Count;
        if (inputs <= Width)
        {
            return (Inputs(data), inputs);
        }

        var random = new SeededRandom(Seed);
        float[] directions = new float[Width * inputs];
        foreach (ref float value in directions.AsSpan())
        {
            value = (float)(random.NextGaussian() / Math.Sqrt(Width));
        }

        float[] points = new float[data.Count * Width];
        float[] input = new float[inputs];
        for (int i = 0; i < data.Count; i++)
        {
            data.CopyInput(i, input);
            for (int k = 0; k < Width; k++)
            {
                points[(i * Width) + k] = TensorPrimitives.Dot<float>(input, directions.AsSpan(k * inputs, inputs));
            }
        }

        return (points, Width);
    }

    private static float[] Inputs(LabelledExamples data)
    {
        float[] points = new float[data.Count * data.Input.Count];
        for (int i = 0; i < data.Count; i++)
        {
            data.CopyInput(i, points.AsSpan(i * data.Input.Count, data.Input.Count));
        }

        return points;
    }
}
