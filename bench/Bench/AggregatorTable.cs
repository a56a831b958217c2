using System.Diagnostics;
using System.Globalization;
using P2PLearn.Learning;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Bench;

/// <summary>
/// Every aggregator at the sizes of the published ByzFL measurements, on one thread, beside those figures and the goals. Arguments: [name of one
/// rule]. Times are medians: of the clock, and of the processor time that the process used, which other work on the machine disturbs less.
/// </summary>
internal static class AggregatorTable
{
    private static readonly (int M, int F, int D)[] Sizes =
        [(16, 3, 100_000), (16, 3, 1_000_000), (16, 3, 10_000_000), (32, 7, 100_000), (32, 7, 1_000_000)];

    // ByzFL: processor ms at the five sizes (NaN: not measured or impossible), then the goal at m 16, d 10^6.
    private static readonly (string Name, double[] Byzfl, double Goal)[] Rows =
    [
        ("mean", [0.12, 5.1, 61, 0.70, 8.2], 5),
        ("nna", [1.1, 38, 360, 5.7, 459], 10),
        ("krum", [13, 128, 1300, 8.3, 359], 12),
        ("multi-krum", [14, 161, 1594, 9.0, 395], 15),
        ("geometric-median", [4.5, 291, 2787, 11, 553], 15),
        ("centred-clipping", [0.85, 71, 698, 2.4, 136], 12),
        ("median", [27, 377, 5427, 79, 990], 30),
        ("trimmed-mean", [25, 342, 3941, 78, 933], 30),
        ("mean-around-median", [65, 1051, 14807, 177, 2594], 60),
        ("nnm+mean", [54, 638, double.NaN, 169, 5000], 30),
        ("nnm+trimmed-mean", [90, 949, double.NaN, 243, 5200], 60),
        ("caf", [7.0, 155, 3346, 16, 846], 20),
        ("mda", [21, 163, double.NaN, double.NaN, double.NaN], 12),
        ("arc+mean", [0.5, 4.0, 110, 1.2, 8.5], 5),
        ("clipping:2+mean", [0.6, 5.7, 361, 1.3, 10.5], 5),
        ("bucketing:2+mean", [0.55, 40, 491, 1.7, 102], 15),
        ("clipped-gossip", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN], double.NaN),
        ("cs-plus", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN], double.NaN),
        ("size-aware-mean", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN], double.NaN),
        ("nnm+geometric-median", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN], double.NaN),
        ("arc+nnm+trimmed-mean", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN], double.NaN),
    ];

    public static Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        Print($"{"m f d",-18} {"rule",-22} {"clock ms",9} {"CPU ms",9} {"ByzFL",8} {"goal",6} {"times",6} {"B/call",7}");
        foreach ((int size, (int m, int f, int d)) in Sizes.Index())
        {
            Measure(size, m, f, d, args.FirstOrDefault());
        }

        return Task.CompletedTask;
    }

    private static void Measure(int size, int m, int f, int d, string? only)
    {
        float[][] vectors = Vectors(m, d);
        ReadOnlyMemory<float>[] candidates = [.. vectors.Select(v => new ReadOnlyMemory<float>(v))];
        float[] result = GC.AllocateArray<float>(d, pinned: true);
        double copy = Copy(vectors, result, d);
        foreach ((string name, double[] byzfl, double goal) in Rows.Where(row => only is null || row.Name == only))
        {
            IAggregator rule = Aggregators.Create(name, f);
            Sample sample = Time(() => rule.TryAggregate(vectors[m / 2], candidates, result, null), d);
            string goalText = size == 1 && !double.IsNaN(goal) ? goal.ToString(CultureInfo.InvariantCulture) : "";
            string label = FormattableString.Invariant($"{m} {f} {d}");
            Print($"{label,-18} {name,-22} {sample.Clock,9:0.00} {sample.Processor,9:0.00} {Text(byzfl[size]),8} {goalText,6} {Text(byzfl[size] / sample.Processor),6} {sample.Allocated,7}");
            if (name == "nna")
            {
                double bytes = sizeof(float) * ((2.0 * m) - f + 1) * d; // every vector, those kept again, the result
                Print($"{"",-18}   nna moves {bytes / sample.Processor / 1e6:0.0} GB/s, {100 * bytes / sample.Processor / 1e6 / copy:0} % of a copy's {copy:0.0} GB/s");
            }
        }
    }

    // Bytes read and written a ms of processor time, of a plain copy that goes through all the vectors.
    private static double Copy(float[][] vectors, float[] result, int d)
    {
        Sample sample = Time(() => Array.ForEach(vectors, v => v.CopyTo(result, 0)), d);
        return 2.0 * sizeof(float) * d * vectors.Length / sample.Processor / 1e6;
    }

    private static Sample Time(Action action, int d)
    {
        int warmUps = Math.Clamp(20_000_000 / d, 2, 200); // past both stages of the just-in-time compiler
        for (int i = 0; i < warmUps; i++)
        {
            action();
        }

        int samples = d > 1_000_000 ? 5 : 15;
        int calls = Math.Max(1, 1_000_000 / d);
        double[] clock = new double[samples];
        double[] processor = new double[samples];
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < samples; i++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            for (int k = 0; k < calls; k++)
            {
                action();
            }

            clock[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds / calls;
            processor[i] = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds / calls;
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Array.Sort(clock);
        Array.Sort(processor);
        return new Sample(clock[samples / 2], processor[samples / 2], allocated / (samples * calls));
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
                value = (float)random.NextGaussian();
            }
        }

        return vectors;
    }

    private static string Text(double value) => double.IsNaN(value) ? "-" : value.ToString("0.##", CultureInfo.InvariantCulture);

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private readonly record struct Sample(double Clock, double Processor, long Allocated);
}
