using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using P2PLearn.Learning;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Bench;

/// <summary>
/// Times of the aggregators on one thread beside a plain pass through the same memory in the same run. Arguments: [repetitions].
/// </summary>
internal static class NnaBench
{
    public static Task RunAsync(string[] args)
    {
        int repetitions = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 60;
        Measure(21, 431_080, 5, repetitions);
        Measure(9, 79_510, 2, repetitions * 4);
        Measure(16, 1_000_000, 3, Math.Max(5, repetitions / 4));
        Pairwise(26, 431_080, repetitions / 2);
        Pairwise(9, 431_080, repetitions);
        Pairwise(16, 1_000_000, repetitions / 2);
        return Task.CompletedTask;
    }

    private static void Measure(int m, int d, int f, int repetitions)
    {
        float[][] vectors = Vectors(m, d);
        ReadOnlyMemory<float>[] candidates = [.. vectors.Select(v => new ReadOnlyMemory<float>(v))];
        float[] result = GC.AllocateArray<float>(d, pinned: true);
        float sink = 0;
        double read = Best(repetitions, () => sink += vectors.Sum(v => ReadOnly(v)));
        double bytes = (double)m * d * sizeof(float);
        Console.WriteLine(FormattableString.Invariant(
            $"{m} x {d}, f {f}: plain read {read:0.000} ms, {bytes / read / 1e6:0.0} GB/s ({(sink == 0 ? "zero" : "sum")})"));
        foreach (string name in new[] { "nna", "mean", "trimmed-mean" })
        {
            IAggregator rule = Aggregators.Create(name, f);
            double touched = name == "nna" ? bytes + (bytes * (m - f) / m) : bytes;
            touched += d * sizeof(float);
            long before = GC.GetAllocatedBytesForCurrentThread();
            double best = Best(repetitions, () => rule.TryAggregate(vectors[m / 2], candidates, result, null));
            long allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / (repetitions + 3);
            Console.WriteLine(FormattableString.Invariant(
                $"  {name,-12} {best,8:0.000} ms  {touched / best / 1e6,6:0.0} GB/s  {best / read:0.00} x plain read  {allocated} B/call"));
        }
    }

    private static void Pairwise(int m, int d, int repetitions)
    {
        ReadOnlyMemory<float>[] candidates = [.. Vectors(m, d).Select(v => new ReadOnlyMemory<float>(v))];
        double[] squared = new double[m * m];
        int cores = Environment.ProcessorCount;
        double one = Best(repetitions, () => SquaredDistance.Pairwise(candidates, squared));
        double all = Best(repetitions, () => SquaredDistance.Pairwise(candidates, squared, cores));
        Console.WriteLine(FormattableString.Invariant($"{m} x {d}: all pairs {one:0.00} ms, on {cores} cores {all:0.00} ms"));
    }

    private static float[][] Vectors(int m, int d)
    {
        var random = new SeededRandom(1);
        float[][] vectors = new float[m][];
        for (int i = 0; i < m; i++)
        {
            vectors[i] = GC.AllocateArray<float>(d, pinned: true);
            foreach (ref float value in vectors[i].AsSpan())
            {
                value = (float)random.NextDouble() - 0.5f;
            }
        }

        return vectors;
    }

    private static float ReadOnly(float[] values)
    {
        ref float start = ref MemoryMarshal.GetArrayDataReference(values);
        Vector256<float> a = default, b = default, c = default, e = default;
        for (nuint i = 0; i + 32 <= (nuint)values.Length; i += 32)
        {
            a += Vector256.LoadUnsafe(ref start, i);
            b += Vector256.LoadUnsafe(ref start, i + 8);
            c += Vector256.LoadUnsafe(ref start, i + 16);
            e += Vector256.LoadUnsafe(ref start, i + 24);
        }

        return Vector256.Sum(a + b + c + e);
    }

    private static double Best(int repetitions, Action action)
    {
        double best = double.MaxValue;
        for (int i = 0; i < repetitions + 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return best;
    }
}
