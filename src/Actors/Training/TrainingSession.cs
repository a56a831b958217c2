using System.Diagnostics;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Training;

namespace P2PLearn.Actors.Training;

/// <summary>What a node trains on.</summary>
/// <param name="Images">The training and test images.</param>
/// <param name="Share">Indices of this node's training images.</param>
/// <param name="SamplerSeed">Seed of the order in which they are drawn; another one for each node.</param>
/// <param name="FlipLabels">Whether this node poisons its data (label y becomes 9 − y).</param>
public sealed record TrainingData(TrainAndTest Images, int[] Share, ulong SamplerSeed, bool FlipLabels);

/// <summary>What came of some local steps.</summary>
/// <param name="MeanLoss">Mean loss over the steps; may be NaN or infinite.</param>
/// <param name="Milliseconds">How long they took.</param>
public readonly record struct LocalWork(double MeanLoss, double Milliseconds);

/// <summary>The model of a run with everything that changes it: trainer, mixing rule, evaluation.</summary>
/// <remarks>Touched by the training thread only. Vectors are handed in and out as flat [d].</remarks>
public sealed class TrainingSession : IDisposable
{
    private readonly ITrainableModel _model;
    private readonly LocalTrainer _trainer;
    private readonly IAggregator _aggregator;
    private readonly TrimmedMean _catchUp;
    private readonly RunSettings _settings;
    private readonly LabelledImages _test;
    private readonly LabelledImages? _glance;
    private readonly float[] _mixed;

    /// <summary>Makes the model of a run and sets it to the run's first values.</summary>
    /// <exception cref="ArgumentException">The settings name a model or rule that is not known.</exception>
    public TrainingSession(RunSettings settings, TrainingData data)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(data);
        _settings = settings;
        _aggregator = Aggregators.Create(settings.Aggregator, settings.Faulty);
        _catchUp = new TrimmedMean(settings.Faulty);
        _model = ModelRegistry.Default.Create(settings.Model);
        _model.Initialize(settings.Seed);
        var optimizer = new MomentumSgd(_model.Layout.ParameterCount, new MomentumSgdOptions
        {
            Momentum = (float)settings.Momentum,
            Schedule = new StepDecaySchedule { InitialRate = settings.LearningRate, PeriodSteps = settings.DecaySteps },
        });
        var options = new LocalTrainerOptions { BatchSize = settings.Batch, Seed = data.SamplerSeed, FlipLabels = data.FlipLabels };
        _trainer = new LocalTrainer(_model, optimizer, data.Images.Train, data.Share, options);
        _test = data.Images.Test;
        _glance = settings.EvaluateImages > 0 ? First(_test, settings.EvaluateImages) : null;
        _mixed = new float[_model.Layout.ParameterCount];
    }

    /// <summary>Names and shapes of the parameters.</summary>
    public ModelLayout Layout => _model.Layout;

    /// <summary>The fewest models the mixing rule takes.</summary>
    public int MinCandidates => _aggregator.MinCandidates;

    /// <summary>Length of <see cref="ExportState"/> in bytes.</summary>
    public int StateSize => _trainer.StateSize;

    /// <summary>Does local steps.</summary>
    public LocalWork Train(int steps, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        LocalStepsResult result = _trainer.Run(steps, cancellationToken);
        return new LocalWork(result.MeanLoss, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Copies θ out, shape [d].</summary>
    public void CopyModel(Span<float> destination) => _model.Parameters.CopyTo(destination);

    /// <summary>Model, optimizer and sampler as bytes.</summary>
    public byte[] ExportState() => _trainer.ExportState();

    /// <summary>Goes on from exported bytes.</summary>
    /// <exception cref="InvalidDataException">They are damaged, or of another model.</exception>
    public void ImportState(ReadOnlySpan<byte> state) => _trainer.ImportState(state);

    /// <summary>Mixes the candidates, with θ as pivot, into θ.</summary>
    /// <param name="candidates">m vectors [d] by participant, this node's own among them.</param>
    /// <param name="trace">What the rule did with each.</param>
    /// <returns>False, with θ as it was, when the rule declined.</returns>
    public bool Mix(IReadOnlyList<ReadOnlyMemory<float>> candidates, AggregationTrace trace)
    {
        bool mixed = _aggregator.TryAggregate(_model.Parameters, candidates, _mixed, trace);
        if (mixed)
        {
            _mixed.CopyTo(_model.Parameters);
        }

        return mixed;
    }

    /// <summary>Goes on after a round that the others have done: with the coordinate-wise trimmed mean of their models as θ.</summary>
    /// <param name="candidates">Vectors [d]; when they are fewer than 2f + 1, among which f could outvote the honest, θ stays as it is.</param>
    /// <param name="round">The round they are of, from 1.</param>
    public void CatchUp(IReadOnlyList<ReadOnlyMemory<float>> candidates, int round)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        if (candidates.Count > 0 && _catchUp.TryAggregate(candidates[0].Span, candidates, _mixed, null))
        {
            _mixed.CopyTo(_model.Parameters);
        }

        _trainer.SkipTo((long)round * _settings.LocalSteps);
    }

    /// <summary>A look at the first test images; null when the settings ask for none.</summary>
    public Evaluation? Glance() => _glance is null ? null : _model.Evaluate(_glance);

    /// <summary>Accuracy and loss over all test images.</summary>
    public Evaluation Evaluate() => _model.Evaluate(_test);

    /// <summary>Writes θ as safetensors, whole or not at all.</summary>
    public void Save(string path) => ModelFile.Write(path, _model.Layout, _model.Parameters);

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private static LabelledImages First(LabelledImages images, int count)
    {
        int taken = Math.Min(count, images.Count);
        byte[] pixels = new byte[taken * images.PixelCount];
        for (int i = 0; i < taken; i++)
        {
            images.Image(i).CopyTo(pixels.AsSpan(i * images.PixelCount));
        }

        return new LabelledImages(pixels, images.Labels[..taken].ToArray(), images.Height, images.Width, images.ClassCount)
        {
            Scaling = images.Scaling,
        };
    }
}
