using System.Diagnostics;
using System.Globalization;

namespace P2PLearn.Bench;

/// <summary>The rows that the RPC and gRPC measurements share, so that they can be laid side by side, and the second process that both need.</summary>
internal static class ThroughputTable
{
    /// <summary>The argument that makes the program the answering process.</summary>
    public const string ServeArgument = "--serve";

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RowTime = TimeSpan.FromSeconds(2);

    /// <summary>128 B and 256 KiB, each with 1, 16 and 64 calls at once; an answer has the size of its request.</summary>
    /// <param name="callAsync">One call with this request.</param>
    /// <param name="remoteAllocatedAsync">Bytes that the answering process has allocated so far.</param>
    public static async Task MeasureAsync(Func<byte[], ValueTask> callAsync, Func<Task<long>> remoteAllocatedAsync)
    {
        Console.WriteLine($"{"request",10} {"at once",8} {"calls/s",10} {"MB/s each way",14} {"p50 µs",8} {"p99 µs",8} {"B/call here",12} {"B/call there",13}");
        foreach (int bytes in new[] { 128, 256 * 1024 })
        {
            foreach (int atOnce in new[] { 1, 16, 64 })
            {
                await MeasureRowAsync(bytes, atOnce, callAsync, remoteAllocatedAsync);
            }
        }
    }

    /// <summary>Starts this program again with the same command and <see cref="ServeArgument"/>.</summary>
    /// <returns>The process, and the line by which it says that it is ready.</returns>
    public static async Task<(Process Process, string Ready)> StartServerAsync(string command)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [command, ServeArgument])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        string ready = await process.StandardOutput.ReadLineAsync() ?? throw new IOException("the answering process did not start");
        return (process, ready);
    }

    /// <summary>Says what the other process needs to know, and waits until that process closes our input.</summary>
    public static async Task ServeUntilClosedAsync(string ready)
    {
        Console.WriteLine(ready);
        await Console.In.ReadToEndAsync();
    }

    /// <summary>Prints a line with figures in the invariant culture.</summary>
    public static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private static async Task MeasureRowAsync(int bytes, int atOnce, Func<byte[], ValueTask> callAsync, Func<Task<long>> remoteAllocatedAsync)
    {
        await RunAsync(bytes, atOnce, WarmUp, callAsync, null);
        var latencies = new List<double>[atOnce];
        for (int i = 0; i < atOnce; i++)
        {
            latencies[i] = new List<double>(1 << 19); // so that measuring does not allocate
        }

        long there = await remoteAllocatedAsync();
        long here = GC.GetTotalAllocatedBytes(precise: true);
        var watch = Stopwatch.StartNew();
        await RunAsync(bytes, atOnce, RowTime, callAsync, latencies);
        double seconds = watch.Elapsed.TotalSeconds;
        here = GC.GetTotalAllocatedBytes(precise: true) - here;
        there = await remoteAllocatedAsync() - there;
        double[] sorted = [.. latencies.SelectMany(l => l).Order()];
        double rate = sorted.Length / seconds;
        Print($"{bytes,10} {atOnce,8} {rate,10:0} {rate * bytes / 1e6,14:0} {sorted[sorted.Length / 2],8:0} {sorted[sorted.Length * 99 / 100],8:0} {(double)here / sorted.Length,12:0.0} {(double)there / sorted.Length,13:0.0}");
    }

    private static Task RunAsync(int bytes, int atOnce, TimeSpan time, Func<byte[], ValueTask> callAsync, List<double>[]? latencies)
    {
        long end = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        return Task.WhenAll(Enumerable.Range(0, atOnce).Select(i => Task.Run(async () =>
        {
            byte[] request = new byte[bytes];
            long start;
            while ((start = Stopwatch.GetTimestamp()) < end)
            {
                await callAsync(request);
                latencies?[i].Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
        })));
    }
}
