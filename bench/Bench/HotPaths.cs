using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using P2PLearn.Learning;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Bench;

/// <summary>Time and allocated bytes of the kernels that run once a float.</summary>
[MemoryDiagnoser]
public class HotPaths
{
    private readonly AggregationTrace _trace = new();
    private readonly Nna _nna = new(faulty: 5);
    private readonly TrimmedMean _trimmed = new(faulty: 5);
    private readonly Mean _mean = new();
    private ReadOnlyMemory<float>[] _candidates = [];
    private float[] _result = [];
    private float[] _gradient = [];
    private MomentumSgd _optimizer = null!;

    /// <summary>d: the MLP's and the CNN's.</summary>
    [Params(79_510, 431_080)]
    public int Dimension { get; set; }

    public static void Run()
    {
        ManualConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkRunner.Run<HotPaths>(config);
    }

    [GlobalSetup]
    public void Prepare()
    {
        var random = new SeededRandom(1);
        _candidates = [.. Enumerable.Range(0, 21).Select(_ => new ReadOnlyMemory<float>(Vector(random)))];
        _result = new float[Dimension];
        _gradient = Vector(random);
        _optimizer = new MomentumSgd(Dimension, new MomentumSgdOptions());
    }

    [Benchmark]
    public bool Nna21() => _nna.TryAggregate(_candidates[0].Span, _candidates, _result, _trace);

    [Benchmark]
    public bool TrimmedMean21() => _trimmed.TryAggregate(_candidates[0].Span, _candidates, _result, _trace);

    [Benchmark]
    public bool Mean21() => _mean.TryAggregate(_candidates[0].Span, _candidates, _result, _trace);

    [Benchmark]
    public void MomentumStep() => _optimizer.Step(_result, _gradient, 0);

    private float[] Vector(SeededRandom random)
    {
        float[] vector = new float[Dimension];
        for (int i = 0; i < vector.Length; i++)
        {
            vector[i] = (float)random.NextGaussian();
        }

        return vector;
    }
}
