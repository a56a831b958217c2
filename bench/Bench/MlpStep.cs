using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using P2PLearn.Learning;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Torch;
using P2PLearn.Learning.Training;

namespace P2PLearn.Bench;

/// <summary>
/// One local step on one thread, drawing and scaling the batch of 25 included: time, bytes allocated, and memory over
/// 10,000 steps. Arguments: [model] [steps].
/// </summary>
internal static class MlpStep
{
    private const int WarmUpSteps = 200;
    private const int BlockSteps = 500;

    public static Task RunAsync(string[] args)
    {
        string[] words = [.. args.Where(a => !a.StartsWith('-'))];
        LabelledImages data = Mnist.Load(FindMnist()).Train;
        TorchLibrary.EnsureLoaded();
        Console.WriteLine(
            $"libtorch {TorchLibrary.Version}, {Environment.ProcessorCount} cores, .NET {Environment.Version}");
        if (words.Length > 0)
        {
            Measure(words[0], data, words.Length > 1 ? int.Parse(words[1], provider: null) : 10_000);
        }
        else
        {
            Measure("mlp", data, 10_000);
            Measure("cnn", data, 1_000);
            Measure("logistic", data, 10_000);
        }

        return Task.CompletedTask;
    }

    private static void Measure(string name, LabelledImages data, int steps)
    {
        using ITrainableModel model = ModelRegistry.Default.Create(name);
        model.Initialize(1);
        var optimizer = new MomentumSgd(model.Layout.ParameterCount, new MomentumSgdOptions());
        int[] share = [.. Enumerable.Range(0, data.Count)];
        var trainer = new LocalTrainer(model, optimizer, data, share, new LocalTrainerOptions { Seed = 1 });
        trainer.Run(WarmUpSteps, CancellationToken.None);

        long residentBefore = ResidentBytes();
        var times = new List<double>();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int done = 0; done < steps; done += BlockSteps)
        {
            int count = Math.Min(BlockSteps, steps - done);
            long start = Stopwatch.GetTimestamp();
            trainer.Run(count, CancellationToken.None);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds / count);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        long listBytes = 8L * 4 * Math.Max(4, times.Count); // what the list of times itself may take
        double first = times[0], last = times[^1];
        times.Sort();
        Console.WriteLine(
            $"{name}: median {times[times.Count / 2]:F4} ms/step, best {times[0]:F4}, "
            + $"first block {first:F4}, last block {last:F4}; "
            + $"{Math.Max(0, allocated - listBytes) / (double)steps:F2} B/step allocated; "
            + $"resident {residentBefore >> 20} -> {ResidentBytes() >> 20} MB over {steps} steps; "
            + $"digest {Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(model.Parameters)))[..16]}");
        MeasureParts(model, optimizer, data);
    }

    private static void MeasureParts(ITrainableModel model, MomentumSgd optimizer, LabelledImages data)
    {
        int[] share = [.. Enumerable.Range(0, data.Count)];
        var sampler = new BatchSampler(share, new SeededRandom(2));
        var batch = new Batch(25, data.PixelCount);
        int[] indices = new int[25];
        double draw = Time(() =>
        {
            sampler.Next(indices);
            batch.Fill(data, indices);
        });
        double gradient = Time(() => model.ComputeGradient(batch));
        double clear = Time(() => model.Gradient.Clear());
        double step = Time(() => optimizer.Step(model.Parameters, model.Gradient, 1_000_000));
        long start = Stopwatch.GetTimestamp();
        Evaluation evaluation = model.Evaluate(data);
        double evaluate = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        Console.WriteLine(
            $"  draw and scale {draw:F4} ms, gradient {gradient:F4} (of it clearing {clear:F4}), step {step:F4}; "
            + $"evaluation of 60,000 {evaluate:F0} ms, accuracy {evaluation.Accuracy:F4}");
    }

    private static double Time(Action action)
    {
        for (int i = 0; i < 100; i++)
        {
            action();
        }

        double best = double.MaxValue;
        for (int block = 0; block < 5; block++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 100; i++)
            {
                action();
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds / 100);
        }

        return best;
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static string FindMnist()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string path = Path.Combine(directory.FullName, "data", "mnist");
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        throw new DirectoryNotFoundException("no data/mnist above the program");
    }
}
