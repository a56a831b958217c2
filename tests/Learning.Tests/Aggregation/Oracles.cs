namespace P2PLearn.Learning.Tests.Aggregation;

/// <summary>The rules as one would write them on a blackboard: whole vectors, in double, everything sorted, every subset tried.</summary>
internal static class Oracles
{
    public static double[] Median(float[][] x) => PerCoordinate(x, values =>
        (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2);

    public static double[] TrimmedMean(float[][] x, int f) =>
        PerCoordinate(x, values => values.Skip(f).Take(values.Length - (2 * f)).Average());

    // Compared in float, as which of two nearly equal values is nearer is a matter of rounding.
    public static double[] MeanAroundMedian(float[][] x, int f) => PerCoordinate(x, values =>
    {
        float[] sorted = [.. values.Select(v => (float)v)];
        float median = (0.5f * sorted[(sorted.Length - 1) / 2]) + (0.5f * sorted[sorted.Length / 2]);
        return sorted.OrderBy(v => MathF.Abs(v - median)).ThenBy(v => v).Take(sorted.Length - f).Average(v => (double)v);
    });

    public static double[] KrumScores(float[][] x, int f) => [.. x.Select((a, i) =>
        x.Where((_, j) => j != i).Select(b => Candidates.SquaredDistance(a, b)).Order().Take(x.Length - f - 2).Sum())];

    public static double LeastDiameter(float[][] x, int f) => Subsets(x.Length, x.Length - f).Min(s => Diameter(x, s));

    public static double Diameter(float[][] x, IReadOnlyCollection<int> members) =>
        members.SelectMany(_ => members, (i, j) => Candidates.SquaredDistance(x[i], x[j])).Max();

    public static double[] Clipped(float[][] x, int pivot, double tau, double[] shares) => Step(x, Double(x[pivot]), tau, shares);

    public static double ClippedGossipRadius(float[][] x, int f, int pivot) =>
        Math.Sqrt(x.Select(v => Candidates.SquaredDistance(x[pivot], v)).Order().Take(x.Length - f).Sum() / f);

    public static double CsPlusRadius(float[][] x, int f, double[] centre) =>
        x.Select(v => Distance(Double(v), centre)).Order().ElementAt(x.Length - (2 * f) - 1);

    public static double[] CentredClipping(float[][] x, int f, int pivot, double? tau, int steps)
    {
        double[] v = Double(x[pivot]);
        for (int i = 0; i < steps; i++)
        {
            v = Step(x, v, tau ?? CentredRadius(x, f, v), Equal(x.Length));
        }

        return v;
    }

    // CS+'s radius but at least the nearest distance, had those that are as good as copies of the centre (but one) been farther away than all others.
    public static double CentredRadius(float[][] x, int f, double[] centre)
    {
        double[] distances = [.. x.Select(v => Distance(Double(v), centre)).Order()];
        int near = Math.Max(Math.Min(2, x.Length), x.Length - (2 * f));
        double reference = distances[Math.Max(near, Math.Min(f + 2, x.Length - f)) - 1];
        int copies = distances.Count(d => d <= 0.1 * reference);
        return distances[Math.Min(x.Length - f, Math.Max(near, near + copies - 1)) - 1];
    }

    public static double SumOfDistances(float[][] x, double[] z) => x.Sum(v => Distance(Double(v), z));

    public static double[] GeometricMedian(float[][] x)
    {
        double[] z = Candidates.Mean(x);
        for (int i = 0; i < 3000; i++)
        {
            double[] weights = [.. x.Select(v => 1 / Math.Max(1e-6, Distance(Double(v), z)))];
            z = Weighted(x, weights);
        }

        return z;
    }

    public static double[] Caf(float[][] x, int f)
    {
        double[] c = Equal(x.Length, 1);
        (double best, double[] result) = (double.PositiveInfinity, []);
        do
        {
            double[] mean = Weighted(x, c);
            double[][] centred = [.. x.Select(v => v.Select((value, k) => value - mean[k]).ToArray())];
            (double value, double[] direction) = TopEigenvector(centred, c);
            (best, result) = value < best ? (value, mean) : (best, result);
            double[] tau = [.. centred.Select(v => Math.Pow(v.Zip(direction, (a, b) => a * b).Sum(), 2))];
            double most = tau.Where((_, i) => c[i] > 0).Max();
            c = [.. c.Select((w, i) => w * Math.Max(0, 1 - (tau[i] / most)))];
        }
        while (c.Sum() > x.Length - (2 * f));
        return result;
    }

    public static float[][] Nnm(float[][] x, int f) => [.. x.Select(a => Single(Candidates.Mean(
        [.. x.OrderBy(b => Candidates.SquaredDistance(a, b)).Take(x.Length - f)])))];

    public static float[][] Clip(float[][] x, int pivot, double radius) => [.. x.Select(v =>
    {
        double factor = Math.Min(1, radius / Math.Max(1e-30, Math.Sqrt(Candidates.SquaredDistance(x[pivot], v))));
        return v.Select((value, k) => (float)(x[pivot][k] + (factor * (value - (double)x[pivot][k])))).ToArray();
    })];

    public static float[][] Arc(float[][] x, int f, int pivot)
    {
        int clipped = 2 * f * (x.Length - f) / x.Length;
        return Clip(x, pivot, x.Select(v => Math.Sqrt(Candidates.SquaredDistance(x[pivot], v))).OrderDescending().ElementAt(clipped));
    }

    public static double[] Equal(int count, double? value = null) => [.. Enumerable.Repeat(value ?? (1.0 / count), count)];

    public static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (p, q) => (p - q) * (p - q)).Sum());

    public static double[] Double(float[] v) => [.. v.Select(value => (double)value)];

    private static float[] Single(double[] v) => [.. v.Select(value => (float)value)];

    private static double[] Step(float[][] x, double[] centre, double tau, double[] shares)
    {
        double[] result = [.. centre];
        for (int i = 0; i < x.Length; i++)
        {
            double distance = Distance(Double(x[i]), centre);
            double factor = distance <= tau ? 1 : tau / distance;
            for (int k = 0; k < result.Length; k++)
            {
                result[k] += shares[i] * factor * (x[i][k] - centre[k]);
            }
        }

        return result;
    }

    private static double[] Weighted(float[][] x, double[] weights) =>
        [.. Enumerable.Range(0, x[0].Length).Select(k => x.Select((v, i) => weights[i] * v[k]).Sum() / weights.Sum())];

    private static (double Value, double[] Direction) TopEigenvector(double[][] centred, double[] c)
    {
        double[] v = [.. centred[0].Select((_, k) => 1.0 + (0.1 * k))];
        double value = 0;
        for (int i = 0; i < 3000; i++)
        {
            double[] next = new double[v.Length];
            for (int j = 0; j < centred.Length; j++)
            {
                double dot = centred[j].Zip(v, (a, b) => a * b).Sum() * c[j] / c.Sum();
                next = [.. next.Select((n, k) => n + (dot * centred[j][k]))];
            }

            value = Math.Sqrt(next.Sum(n => n * n));
            v = [.. next.Select(n => n / value)];
        }

        return (value, v);
    }

    private static double[] PerCoordinate(float[][] x, Func<double[], double> rule) =>
        [.. Enumerable.Range(0, x[0].Length).Select(k => rule([.. x.Select(v => (double)v[k]).Order()]))];

    private static IEnumerable<int[]> Subsets(int count, int size) =>
        Enumerable.Range(0, 1 << count)
            .Where(bits => System.Numerics.BitOperations.PopCount((uint)bits) == size)
            .Select(bits => Enumerable.Range(0, count).Where(i => ((bits >> i) & 1) == 1).ToArray());
}
