using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using P2PLearn.Learning;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Bench;

/// <summary>Time and allocated bytes of each aggregator, m 16, f 3, as BenchmarkDotNet sees them.</summary>
[MemoryDiagnoser]
public class AggregatorBenchmarks
{
    private ReadOnlyMemory<float>[] _candidates = [];
    private float[] _result = [];
    private IAggregator _rule = null!;

    /// <summary>Every rule, and the chains that one would use.</summary>
    public static IEnumerable<string> Names =>
        [.. Aggregators.Names, "nnm+trimmed-mean", "nnm+geometric-median", "arc+nnm+trimmed-mean", "bucketing:2+krum"];

    /// <summary>The rule.</summary>
    [ParamsSource(nameof(Names))]
    public string Rule { get; set; } = "nna";

    /// <summary>d.</summary>
    [Params(100_000, 1_000_000)]
    public int Dimension { get; set; }

    public static void Run()
    {
        ManualConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkRunner.Run<AggregatorBenchmarks>(config);
    }

    [GlobalSetup]
    public void Prepare()
    {
        var random = new SeededRandom(1);
        _candidates = [.. Enumerable.Range(0, 16).Select(_ => new ReadOnlyMemory<float>(Vector(random)))];
        _result = new float[Dimension];
        _rule = Aggregators.Create(Rule, 3);
    }

    [Benchmark]
    public bool Aggregate() => _rule.TryAggregate(_candidates[8].Span, _candidates, _result, null);

    private float[] Vector(SeededRandom random)
    {
        float[] vector = new float[Dimension];
        foreach (ref float value in vector.AsSpan())
        {
            value = (float)random.NextGaussian();
        }

        return vector;
    }
}
