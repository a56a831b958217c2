using System.Diagnostics;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Training;

namespace P2PLearn.Actors.Training;

/// <summary>What a node trains on, and the models that it can train.</summary>
/// <param name="Examples">The training and test examples; their shape is what the model is built for.</param>
/// <param name="Share">Indices of this node's training examples.</param>
/// <param name="SamplerSeed">Seed of the order in which they are drawn; another one for each node.</param>
/// <param name="FlipLabels">Whether this node poisons its data (label y becomes classes − 1 − y).</param>
public sealed record TrainingData(ExampleSets Examples, int[] Share, ulong SamplerSeed, bool FlipLabels)
{
    /// <summary>The models that a run may name, those of plug-ins among them.</summary>
    public ModelRegistry Models { get; init; } = ModelRegistry.Default;
}

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
    private readonly RunSettings _settings;
    private readonly LabelledExamples _test;
    private readonly LabelledExamples? _glance;
    private readonly float[] _mixed;
    private readonly OuterStep? _outer;
    private readonly MoveLimit? _limit;

    /// <summary>Makes the model of a run and sets it to the run's first values.</summary>
    /// <exception cref="ArgumentException">
    /// The settings name a model or rule that is not known, or a model that does not take this data; one line.
    /// </exception>
    public TrainingSession(RunSettings settings, TrainingData data)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(data);
        _settings = settings;
        _aggregator = settings.CreateRule();
        _limit = MoveLimit.For(_aggregator, settings.Plan, settings.MoveLimit);
        _model = data.Models.Create(settings.Model, data.Examples.Train.Input);
        _model.Initialize(settings.Seed);
        ILocalOptimizer optimizer = LocalOptimizers.Create(settings.ToLocalOptimizer(), _model.Layout.ParameterCount);
        _outer = settings.ToOuterStep(_model.Layout.ParameterCount);
        var options = new LocalTrainerOptions
        {
            BatchSize = settings.Batch, Seed = data.SamplerSeed, FlipLabels = data.FlipLabels, LabelPrior = settings.LabelPrior,
        };
        _trainer = new LocalTrainer(_model, optimizer, data.Examples.Train, data.Share, options);
        _test = data.Examples.Test;
        _glance = settings.EvaluateImages > 0 ? _test.Take(settings.EvaluateImages) : null;
        _mixed = new float[_model.Layout.ParameterCount];
    }

    /// <summary>Names and shapes of the parameters.</summary>
    public ModelLayout Layout => _model.Layout;

    /// <summary>The fewest models the mixing rule takes.</summary>
    public int MinCandidates => _aggregator.MinCandidates;

    /// <summary>Length of <see cref="ExportState"/> in bytes.</summary>
    public int StateSize => _trainer.StateSize + (_outer?.Size ?? 0);

    /// <summary>Does the local steps of a round; none, and no loss, when it mixes on from another.</summary>
    public LocalWork Train(int steps, CancellationToken cancellationToken)
    {
        if (steps == 0)
        {
            return new LocalWork(double.NaN, 0);
        }

        long start = Stopwatch.GetTimestamp();
        _outer?.Begin(_model.Parameters);
        LocalStepsResult result = _trainer.Run(steps, cancellationToken);
        return new LocalWork(result.MeanLoss, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Copies θ out, shape [d].</summary>
    public void CopyModel(Span<float> destination) => _model.Parameters.CopyTo(destination);

    /// <summary>Makes this θ, shape [d].</summary>
    public void TakeModel(ReadOnlySpan<float> model) => model.CopyTo(_model.Parameters);

    /// <summary>Model, optimizers and sampler as bytes.</summary>
    public byte[] ExportState()
    {
        byte[] state = new byte[StateSize];
        _trainer.ExportState(state.AsSpan(0, _trainer.StateSize));
        _outer?.Write(state.AsSpan(_trainer.StateSize));
        return state;
    }

    /// <summary>Goes on from exported bytes.</summary>
    /// <exception cref="InvalidDataException">They are damaged, or of another model.</exception>
    public void ImportState(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateSize)
        {
            throw new InvalidDataException($"the saved state has {state.Length} bytes, expected {StateSize}");
        }

        ReadOnlySpan<byte> outer = state[_trainer.StateSize..];
        _outer?.Check(outer);
        _trainer.ImportState(state[.._trainer.StateSize]);
        _outer?.Read(outer);
    }

    /// <summary>Mixes the candidates, with θ as pivot, into θ.</summary>
    /// <param name="round">Counted from 1; the outer step comes after the last mixing that its local steps are followed by.</param>
    /// <param name="candidates">m vectors [d] by participant, this node's own among them.</param>
    /// <param name="samples">What each one's maker claims to train on, shape [m]; for rules that look at it.</param>
    /// <param name="trace">What the rule did with each.</param>
    /// <returns>The share of the way to what the rule gave that θ has gone, below 1 when that was too far; null, with θ as it was, when the rule declined.</returns>
    public double? Mix(int round, IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<long> samples, AggregationTrace trace)
    {
        bool mixed = _aggregator is ISampleWeighted weighted
            ? weighted.TryAggregate(_model.Parameters, candidates, samples, _mixed, trace)
            : _aggregator.TryAggregate(_model.Parameters, candidates, _mixed, trace);
        double wayGone = 1;
        if (mixed)
        {
            wayGone = _limit?.Apply(round, _model.Parameters, _mixed) ?? 1;
            if (_settings.Plan.IsLastMixing(round))
            {
                _outer?.Step(_mixed);
            }

            _mixed.CopyTo(_model.Parameters);
        }

        return mixed ? wayGone : null;
    }

    /// <summary>Goes on after a round that the others have done: with the coordinate-wise trimmed mean of their models as θ.</summary>
    /// <param name="candidates">Vectors [d]; when they are fewer than 2f + 1, among which f could outvote the honest, θ stays as it is.</param>
    /// <param name="faulty">f, how many of them may be faulty.</param>
    /// <param name="round">The round they are of, from 1.</param>
    public void CatchUp(IReadOnlyList<ReadOnlyMemory<float>> candidates, int faulty, int round)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        if (candidates.Count > 0 && new TrimmedMean(faulty).TryAggregate(candidates[0].Span, candidates, _mixed, null))
        {
            _mixed.CopyTo(_model.Parameters);
        }

        _limit?.Forget();
        _outer?.Begin(_model.Parameters); // where mixing goes on, the outer step starts from here
        _trainer.SkipTo(_settings.Plan.StepsUntil(round));
    }

    /// <summary>A look at the first test examples; null when the settings ask for none.</summary>
    public Evaluation? Glance() => _glance is null ? null : _model.Evaluate(_glance);

    /// <summary>Accuracy and loss over all test examples.</summary>
    public Evaluation Evaluate() => _model.Evaluate(_test);

    /// <summary>Writes θ as safetensors, whole or not at all.</summary>
    public void Save(string path) => ModelFile.Write(path, _model.Layout, _model.Parameters);

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}
