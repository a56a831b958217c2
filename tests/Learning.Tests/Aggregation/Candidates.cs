using CsCheck;

namespace P2PLearn.Learning.Tests.Aggregation;

/// <summary>Candidate vectors for tests, and the plainest way to say what a rule should do with them.</summary>
internal static class Candidates
{
    /// <summary>Between 1 and 12 vectors of one length in [1, 70]: below, at and above every stride of the kernels.</summary>
    public static Gen<float[][]> Gen(int minCount = 1, int maxCount = 12) =>
        from count in CsCheck.Gen.Int[minCount, maxCount]
        from length in CsCheck.Gen.Int[1, 70]
        from values in CsCheck.Gen.Float[-10f, 10f].Array[count * length]
        select values.Chunk(length).ToArray();

    public static float[][] Normal(int count, int length, ulong seed, float spread = 1f, float offset = 0f)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
            Enumerable.Range(0, length).Select(k => offset + (spread * (float)random.NextGaussian())).ToArray())];
    }

    public static IReadOnlyList<ReadOnlyMemory<float>> Memory(IEnumerable<float[]> vectors) =>
        [.. vectors.Select(v => new ReadOnlyMemory<float>(v))];

    public static double SquaredDistance(float[] a, float[] b)
    {
        double sum = a.Zip(b, (x, y) => ((double)x - y) * ((double)x - y)).Sum();
        return double.IsFinite(sum) ? sum : double.PositiveInfinity;
    }

    public static double[] Mean(IReadOnlyList<float[]> vectors) =>
        [.. Enumerable.Range(0, vectors[0].Length).Select(k => vectors.Average(v => (double)v[k]))];

    public static void AssertClose(IReadOnlyList<double> expected, ReadOnlySpan<float> actual, double tolerance = 1e-5)
    {
        Assert.Equal(expected.Count, actual.Length);
        for (int k = 0; k < actual.Length; k++)
        {
            double allowed = tolerance * Math.Max(1, Math.Abs(expected[k]));
            Assert.True(Math.Abs(expected[k] - actual[k]) <= allowed, $"coordinate {k}: expected {expected[k]}, got {actual[k]}");
        }
    }
}
