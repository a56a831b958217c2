using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Learning.Training;

/// <summary>Settings of a node's own training.</summary>
public sealed record LocalTrainerOptions
{
    /// <summary>Images per gradient; at least 1. Default 25, MoNNA's for MNIST.</summary>
    public int BatchSize { get; init; } = 25;

    /// <summary>Seed of the order in which the node's images are drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// For attackers: train on the label classes − 1 − y instead of y (label flipping). Default false.
    /// </summary>
    public bool FlipLabels { get; init; }

    /// <summary>τ, how far the loss makes up for a node's own class frequencies (see <see cref="Training.LabelPrior"/>), in [0, 10]; 0 = not at all. Default 0.</summary>
    public double LabelPrior { get; init; }

    /// <summary>Throws when a value is out of its range.</summary>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(BatchSize);
        if (!(LabelPrior is >= 0 and <= 10))
        {
            throw new ArgumentOutOfRangeException(nameof(LabelPrior), LabelPrior, "must be from 0 to 10");
        }
    }
}

/// <summary>What some local steps did.</summary>
/// <param name="MeanLoss">
/// Mean of the losses of the steps' batches; may be NaN or infinite when training diverged.
/// </param>
/// <param name="StepCount">Steps done.</param>
/// <param name="ImageCount">Images looked at.</param>
public readonly record struct LocalStepsResult(double MeanLoss, int StepCount, long ImageCount);

/// <summary>Trains a model on a node's own share of the data: draw a batch, gradient, step; again.</summary>
/// <remarks>
/// Borrows model and optimizer. Between runs the owner may write to θ, as mixing does. The same seed and inputs give
/// the same bits. A step allocates nothing. Not safe for several threads; one run stays on its thread.
/// </remarks>
public sealed class LocalTrainer
{
    private readonly ITrainableModel _model;
    private readonly ILocalOptimizer _optimizer;
    private readonly LabelledExamples _data;
    private readonly LocalTrainerOptions _options;
    private readonly BatchSampler _sampler;
    private readonly Batch _batch;
    private readonly int[] _indices;
    private readonly LabelPrior? _prior;

    /// <summary>Creates a trainer that has done no step.</summary>
    /// <param name="model">Borrowed.</param>
    /// <param name="optimizer">Borrowed; for the model's d.</param>
    /// <param name="data">The data set that <paramref name="share"/> points into.</param>
    /// <param name="share">Indices of the node's own images; at least one.</param>
    /// <param name="options">Checked here.</param>
    public LocalTrainer(
        ITrainableModel model,
        ILocalOptimizer optimizer,
        LabelledExamples data,
        ReadOnlySpan<int> share,
        LocalTrainerOptions options)
        : this(model, optimizer, data, share, options, null)
    {
    }

    /// <summary>Creates a trainer that borrows the memory of its batches, for many trainers of which one at a time runs.</summary>
    /// <param name="model">Borrowed.</param>
    /// <param name="optimizer">Borrowed; for the model's d.</param>
    /// <param name="data">The data set that <paramref name="share"/> points into.</param>
    /// <param name="share">Indices of the node's own images; at least one.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="batch">For as many images as a batch has; its own when null.</param>
    internal LocalTrainer(
        ITrainableModel model,
        ILocalOptimizer optimizer,
        LabelledExamples data,
        ReadOnlySpan<int> share,
        LocalTrainerOptions options,
        Batch? batch)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        int outside = share.IndexOfAnyExceptInRange(0, data.Count - 1);
        if (outside >= 0)
        {
            throw new ArgumentException(
                $"image {share[outside]} is not one of the {data.Count} of the data set", nameof(share));
        }

        (_model, _optimizer, _data, _options) = (model, optimizer, data, options);
        _sampler = new BatchSampler(share, new SeededRandom(options.Seed));
        _batch = batch ?? new Batch(options.BatchSize, data.Input.Count, data.Input.TargetCount);
        _indices = new int[options.BatchSize];
        _prior = LabelPrior.Create(model.Layout, data, share, options);
    }

    /// <summary>t, the steps done so far.</summary>
    public long StepCount { get; private set; }

    /// <summary>Bytes of <see cref="ExportState(Span{byte})"/>; does not change.</summary>
    public int StateSize => TrainerState.Size(_model.Layout.ParameterCount, _optimizer.StateSize);

    /// <summary>Does local steps.</summary>
    /// <param name="steps">How many; at least 0.</param>
    /// <param name="cancellationToken">
    /// Looked at between two steps; what was done until then stays done and counted.
    /// </param>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public LocalStepsResult Run(int steps, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        double sum = 0;
        for (int i = 0; i < steps; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            sum += Step();
        }

        return new LocalStepsResult(steps == 0 ? 0 : sum / steps, steps, (long)steps * _options.BatchSize);
    }

    /// <summary>
    /// θ, momentum, position in the data and step count as bytes: all that a killed node needs to go on bit for bit.
    /// </summary>
    public byte[] ExportState()
    {
        byte[] state = new byte[StateSize];
        ExportState(state);
        return state;
    }

    /// <inheritdoc cref="ExportState()"/>
    /// <param name="destination">Exactly <see cref="StateSize"/> bytes.</param>
    public void ExportState(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, StateSize);
        TrainerState.Write(destination, _model.Layout, _model.Parameters, _optimizer, _sampler, StepCount);
    }

    /// <summary>Goes on from an exported state of a trainer with the same layout, optimizer and share.</summary>
    /// <param name="state">
    /// Comes from a disk: not believed before its length, checksum and contents are checked.
    /// </param>
    /// <exception cref="InvalidDataException">Not such a state; nothing is changed.</exception>
    public void ImportState(ReadOnlySpan<byte> state)
    {
        TrainerState.Parts parts = TrainerState.Open(state, _model.Layout, _optimizer);
        _sampler.RestoreState(parts.Sampler); // first, as it alone can still refuse: the others' lengths were checked
        _optimizer.RestoreState(parts.Optimizer);
        LittleEndianFloats.Read(parts.Parameters, _model.Parameters);
        StepCount = parts.StepCount;
    }

    /// <summary>Goes on as if this many steps had been done: the learning rate follows the run, not the nodes that joined it late.</summary>
    /// <param name="steps">At least <see cref="StepCount"/>.</param>
    public void SkipTo(long steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, StepCount);
        StepCount = steps;
    }

    private float Step()
    {
        _sampler.Next(_indices);
        _batch.Fill(_data, _indices);
        if (_options.FlipLabels)
        {
            foreach (ref long label in _batch.Labels)
            {
                label = _data.Input.ClassCount - 1 - label;
            }
        }

        float loss = _prior?.ComputeGradient(_model, _batch) ?? _model.ComputeGradient(_batch);
        _optimizer.Step(_model.Parameters, _model.Gradient, StepCount);
        StepCount++;
        return loss;
    }
}
