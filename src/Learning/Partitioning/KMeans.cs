using System.Numerics.Tensors;

namespace P2PLearn.Learning.Partitioning;

/// <summary>Clusters of points: Lloyd's iterations from k-means++ seeds.</summary>
/// <remarks>
/// Source: Lloyd, IEEE Transactions on Information Theory 1982; Arthur and Vassilvitskii, SODA 2007, section 2.2. Cost O(n·K·d) an iteration.
/// Equal distances go to the lower cluster, so runs repeat.
/// </remarks>
internal static class KMeans
{
    private const int MaxIterations = 100;

    /// <summary>The cluster of each point.</summary>
    /// <param name="points">Shape [n, width], row-major, finite.</param>
    /// <param name="width">Numbers of a point.</param>
    /// <param name="clusterCount">K, at least 1.</param>
    /// <param name="random">Seeds the centres.</param>
    /// <returns>Shape [n], each in [0, K); where there are fewer different points than K, some clusters are empty.</returns>
    public static int[] Cluster(ReadOnlySpan<float> points, int width, int clusterCount, SeededRandom random)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(clusterCount);
        int[] clusters = new int[points.Length / width];
        float[] centres = SeedCentres(points, width, clusterCount, random);
        for (int i = 0; i < MaxIterations && Assign(points, width, centres, clusters); i++)
        {
            MoveCentres(points, width, clusters, centres);
        }

        return clusters;
    }

    // Each next centre is a point, drawn with probability in proportion to its squared distance from the centres there are.
    private static float[] SeedCentres(ReadOnlySpan<float> points, int width, int clusterCount, SeededRandom random)
    {
        int count = points.Length / width;
        float[] centres = new float[clusterCount * width];
        double[] distances = new double[count];
        Array.Fill(distances, double.PositiveInfinity);
        int next = random.NextInt32(count);
        for (int c = 0; c < clusterCount; c++)
        {
            ReadOnlySpan<float> centre = points.Slice(next * width, width);
            centre.CopyTo(centres.AsSpan(c * width));
            double sum = 0;
            for (int i = 0; i < count; i++)
            {
                distances[i] = Math.Min(distances[i], SquaredDistance(points.Slice(i * width, width), centre));
                sum += distances[i];
            }

            next = Draw(distances, random.NextDouble() * sum);
        }

        return centres;
    }

    private static int Draw(double[] weights, double point)
    {
        for (int i = 0; i < weights.Length; i++)
        {
            point -= weights[i];
            if (point < 0)
            {
                return i;
            }
        }

        return weights.Length - 1;
    }

    private static bool Assign(ReadOnlySpan<float> points, int width, float[] centres, int[] clusters)
    {
        bool changed = false;
        for (int i = 0; i < clusters.Length; i++)
        {
            int best = 0;
            double least = double.PositiveInfinity;
            for (int c = 0; c < centres.Length / width; c++)
            {
                double distance = SquaredDistance(points.Slice(i * width, width), centres.AsSpan(c * width, width));
                (best, least) = distance < least ? (c, distance) : (best, least);
            }

            changed |= clusters[i] != best;
            clusters[i] = best;
        }

        return changed;
    }

    // A cluster that has lost all its points keeps its centre.
    private static void MoveCentres(ReadOnlySpan<float> points, int width, int[] clusters, float[] centres)
    {
        double[] sums = new double[centres.Length];
        int[] counts = new int[centres.Length / width];
        for (int i = 0; i < clusters.Length; i++)
        {
            counts[clusters[i]]++;
            for (int j = 0; j < width; j++)
            {
                sums[(clusters[i] * width) + j] += points[(i * width) + j];
            }
        }

        for (int i = 0; i < centres.Length; i++)
        {
            int count = counts[i / width];
            centres[i] = count > 0 ? (float)(sums[i] / count) : centres[i];
        }
    }

    private static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double distance = TensorPrimitives.Distance(a, b);
        return distance * distance;
    }
}
