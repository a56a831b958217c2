using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Models;

/// <summary>
/// A classifier whose forward pass is written in libtorch's operators and whose gradient is libtorch's autograd.
/// </summary>
/// <remarks>
/// θ and g are flat blocks that autograd reads and writes in place. A step allocates nothing on the managed heap. Not
/// safe for several threads; different models may train on different threads. A span of θ or g does not keep the model
/// alive: whoever holds one holds the model too.
/// </remarks>
public abstract class TorchModel : ITrainableModel
{
    // Its activations stay below the size from which malloc asks the kernel for fresh pages each time (32 MiB).
    private const int EvaluationBatch = 200;

    private readonly ParameterBlock _block;
    private readonly TorchScope _scope = new();
    private readonly int _classCount;
    private readonly TensorShape _image;
    private Batch? _evaluation;

    private protected TorchModel(string name, ModelLayout layout, TensorShape image, int classCount)
    {
        Name = name;
        Layout = layout;
        _image = image;
        _classCount = classCount;
        _block = new ParameterBlock(layout);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public ModelLayout Layout { get; }

    /// <inheritdoc/>
    public Span<float> Parameters => _block.Theta;

    /// <inheritdoc/>
    public Span<float> Gradient => _block.Gradient;

    /// <summary>
    /// Uniform in ±1/√fan-in, weights and biases, which is PyTorch's default; the draws come in the order of the
    /// layout.
    /// </summary>
    /// <inheritdoc/>
    public void Initialize(ulong seed)
    {
        var random = new SeededRandom(seed);
        Span<float> rest = Parameters;
        double bound = 0;
        foreach (ParameterShape parameter in Layout.Parameters)
        {
            // A bias follows its weight and takes over its bound.
            bound = parameter.Shape.Count > 1 ? 1 / Math.Sqrt(parameter.Count / parameter.Shape[0]) : bound;
            foreach (ref float value in rest[..parameter.Count])
            {
                value = (float)(((2 * random.NextDouble()) - 1) * bound);
            }

            rest = rest[parameter.Count..];
        }
    }

    /// <inheritdoc/>
    public float ComputeGradient(Batch batch)
    {
        CheckBatch(batch);
        TorchLibrary.EnterThread();
        Gradient.Clear();
        try
        {
            Tensor loss;
            using (new GradMode(enabled: true))
            {
                loss = ComputeLoss(batch);
            }

            using (new GradMode(enabled: false))
            {
                TorchOps.Backward(loss, _block.Leaves);
            }

            return TorchOps.Item(loss);
        }
        finally
        {
            _scope.Release();
            GC.KeepAlive(batch);
        }
    }

    /// <inheritdoc/>
    public Evaluation Evaluate(LabelledImages data)
    {
        ArgumentNullException.ThrowIfNull(data);
        TorchLibrary.EnterThread();
        if (_evaluation?.PixelCount != data.PixelCount)
        {
            _evaluation = new Batch(EvaluationBatch, data.PixelCount);
        }

        double loss = 0;
        int correct = 0;
        for (int first = 0; first < data.Count; first += EvaluationBatch)
        {
            _evaluation.FillRange(data, first, Math.Min(EvaluationBatch, data.Count - first));
            (double batchLoss, int batchCorrect) = EvaluateBatch(_evaluation);
            loss += batchLoss;
            correct += batchCorrect;
        }

        return new Evaluation(loss / data.Count, (double)correct / data.Count, data.Count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _scope.Dispose();
        _block.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The logits of a batch.</summary>
    /// <param name="scope">Owns what is made on the way.</param>
    /// <param name="images">Shape [batch, …] as declared to the constructor.</param>
    /// <param name="parameters">One tensor per parameter of the layout, in its order.</param>
    /// <returns>Shape [batch, classes].</returns>
    private protected abstract Tensor Forward(TorchScope scope, Tensor images, ReadOnlySpan<Tensor> parameters);

    private Tensor ComputeLoss(Batch batch)
    {
        Tensor logits = ComputeLogits(batch);
        Tensor labels;
        unsafe
        {
            void* memory = Unsafe.AsPointer(ref MemoryMarshal.GetReference(batch.Labels));
            labels = _scope.Over(memory, TensorShape.Of(batch.Count), TensorType.Int64);
        }

        return TorchOps.CrossEntropy(_scope, logits, labels);
    }

    private Tensor ComputeLogits(Batch batch)
    {
        TensorShape shape = _image.Rank == 2
            ? TensorShape.Of(batch.Count, _image[1])
            : TensorShape.Of(batch.Count, _image[1], _image[2], _image[3]);
        unsafe
        {
            void* memory = Unsafe.AsPointer(ref MemoryMarshal.GetReference(batch.Images));
            return Forward(_scope, _scope.Over(memory, shape, TensorType.Float32), _block.Leaves);
        }
    }

    private (double Loss, int Correct) EvaluateBatch(Batch batch)
    {
        CheckBatch(batch);
        try
        {
            using var off = new GradMode(enabled: false);
            ReadOnlySpan<float> logits = TorchOps.Read(ComputeLogits(batch));
            return Classification.Score(logits, batch.Labels[..batch.Count], _classCount);
        }
        finally
        {
            _scope.Release();
        }
    }

    private void CheckBatch(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0 || batch.PixelCount != _image.InnerCount)
        {
            throw new ArgumentException(
                $"{Name} takes batches of shape [1 or more, {_image.InnerCount}], "
                + $"not [{batch.Count}, {batch.PixelCount}]",
                nameof(batch));
        }

        foreach (long label in batch.Labels[..batch.Count])
        {
            if ((ulong)label >= (ulong)_classCount)
            {
                throw new ArgumentException(
                    $"{Name} takes labels from 0 to {_classCount - 1}, not {label}", nameof(batch));
            }
        }
    }
}
