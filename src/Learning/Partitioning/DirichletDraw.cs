namespace P2PLearn.Learning.Partitioning;

/// <summary>Draws of the Dirichlet distribution, by gammas that are divided by their sum.</summary>
internal static class DirichletDraw
{
    /// <summary>Dir(α, …, α).</summary>
    /// <returns>Shape [count], at least 0, with sum 1.</returns>
    public static double[] Symmetric(double alpha, int count, SeededRandom random)
    {
        double[] parameters = new double[count];
        Array.Fill(parameters, alpha);
        return Draw(parameters, random);
    }

    /// <summary>Dir(α₁, α₂, …).</summary>
    /// <param name="parameters">At least 0, one of them positive; a part whose parameter is 0 gets 0.</param>
    /// <param name="random">Drawn from in the order of the parts.</param>
    /// <returns>Shape [count], at least 0, with sum 1.</returns>
    public static double[] Draw(ReadOnlySpan<double> parameters, SeededRandom random)
    {
        double[] draw = new double[parameters.Length];
        double sum = 0;
        for (int i = 0; i < draw.Length; i++)
        {
            draw[i] = parameters[i] > 0 ? random.NextGamma(parameters[i]) : 0;
            sum += draw[i];
        }

        if (sum == 0)
        {
            // Gammas of tiny parameters may all underflow to 0: then the draw is, as in the limit, one part, by the parameters' weights.
            draw[Weighted(parameters, random)] = sum = 1;
        }

        for (int i = 0; i < draw.Length; i++)
        {
            draw[i] /= sum;
        }

        return draw;
    }

    private static int Weighted(ReadOnlySpan<double> weights, SeededRandom random)
    {
        double sum = 0;
        int last = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            sum += weights[i];
            last = weights[i] > 0 ? i : last;
        }

        double point = random.NextDouble() * sum;
        for (int i = 0; i < last; i++)
        {
            point -= weights[i];
            if (point < 0)
            {
                return i;
            }
        }

        return last;
    }
}
