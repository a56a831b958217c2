namespace P2PLearn.Learning.Attacks;

/// <summary>The direction, over the honest nodes, in which their graph agrees most slowly.</summary>
/// <remarks>
/// The Fiedler vector, eigenvector of the second-smallest eigenvalue of the Laplacian L of the honest graph (its arcs taken in both
/// directions), by power iteration on c·I − L off the constants. Where that eigenvalue is multiple, in the complete graph all of them
/// are, the iteration keeps the part of its start, the main direction in which the honest models differ now.
/// </remarks>
internal static class HonestSpectrum
{
    private const int Iterations = 300;

    /// <summary>Computes the vector.</summary>
    /// <param name="neighbourhoods">Whom each honest node mixes, shape [h].</param>
    /// <param name="gram">Gram matrix of the honest models relative to their mean, shape [h, h].</param>
    /// <returns>Shape [h]; of norm 1, sum 0; all 0 when there are fewer than two honest nodes or they do not differ.</returns>
    public static double[] Slowest(IReadOnlyList<IReadOnlyList<int>> neighbourhoods, ReadOnlySpan<double> gram)
    {
        int count = neighbourhoods.Count;
        double[] start = MainDirection(gram, count);
        double[] shifted = new double[count * count];
        double[] degrees = new double[count];
        for (int i = 0; i < count; i++)
        {
            foreach (int j in neighbourhoods[i].Where(j => j != i))
            {
                shifted[(i * count) + j] += 0.5;
                shifted[(j * count) + i] += 0.5;
                degrees[i] += 0.5;
                degrees[j] += 0.5;
            }
        }

        double bound = (2 * degrees.Max()) + 1; // above the largest eigenvalue of L
        for (int i = 0; i < count; i++)
        {
            shifted[(i * count) + i] = bound - degrees[i];
        }

        return Iterate(shifted, start);
    }

    // Power iteration on the Gram matrix; the start is fixed, and no multiple of the constants.
    private static double[] MainDirection(ReadOnlySpan<double> gram, int count)
    {
        double[] start = new double[count];
        for (int i = 0; i < count; i++)
        {
            start[i] = Math.Sin(1 + (3 * i));
        }

        return Iterate(gram, start);
    }

    private static double[] Iterate(ReadOnlySpan<double> matrix, double[] start)
    {
        double[] vector = Normalized(start);
        double[] next = new double[start.Length];
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            for (int i = 0; i < next.Length; i++)
            {
                next[i] = 0;
                for (int j = 0; j < next.Length; j++)
                {
                    next[i] += matrix[(i * next.Length) + j] * vector[j];
                }
            }

            vector = Normalized(next);
        }

        return vector;
    }

    private static double[] Normalized(double[] vector)
    {
        double mean = vector.Average();
        double norm = Math.Sqrt(vector.Sum(x => (x - mean) * (x - mean)));
        return [.. vector.Select(x => norm > 0 && double.IsFinite(norm) ? (x - mean) / norm : 0)];
    }
}
