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
    private Batch? _evaluation;
    private long[] _characters = [];

    private protected TorchModel(string name, ModelLayout layout, ModelInput input)
    {
        Name = name;
        Layout = layout;
        Input = input;
        _block = new ParameterBlock(layout);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public ModelLayout Layout { get; }

    /// <summary>What the model was built for.</summary>
    public ModelInput Input { get; }

    /// <inheritdoc/>
    public Span<float> Parameters => _block.Theta;

    /// <inheritdoc/>
    public Span<float> Gradient => _block.Gradient;

    /// <summary>
    /// Uniform in ±1/√fan-in, weights and biases, which is PyTorch's default; the draws come in the order of the
    /// layout. The scales of a normalisation are 1 and its shifts 0.
    /// </summary>
    /// <inheritdoc/>
    public void Initialize(ulong seed)
    {
        var random = new SeededRandom(seed);
        Span<float> rest = Parameters;
        double bound = 0;
        foreach (ParameterShape parameter in Layout.Parameters)
        {
            Span<float> values = rest[..parameter.Count];
            rest = rest[parameter.Count..];
            if (parameter.Name.Contains("norm", StringComparison.Ordinal))
            {
                values.Fill(parameter.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
                continue;
            }

            // A bias follows its weight and takes over its bound.
            bound = parameter.Shape.Count > 1 ? 1 / Math.Sqrt(parameter.Count / parameter.Shape[0]) : bound;
            foreach (ref float value in values)
            {
                value = (float)(((2 * random.NextDouble()) - 1) * bound);
            }
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
    public Evaluation Evaluate(LabelledExamples data)
    {
        ArgumentNullException.ThrowIfNull(data);
        TorchLibrary.EnterThread();
        if (_evaluation?.InputCount != data.Input.Count || _evaluation.TargetCount != data.Input.TargetCount)
        {
            _evaluation = new Batch(EvaluationBatch, data.Input.Count, data.Input.TargetCount);
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

        double targets = (double)data.Count * data.Input.TargetCount;
        return new Evaluation(loss / targets, correct / targets, data.Count);
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
    /// <param name="inputs">
    /// Floats [batch, channels, height, width] of images, floats [batch, values] of others or when <see cref="IsFlat"/>, and of text the
    /// numbers of the characters, integers [batch · length].
    /// </param>
    /// <param name="parameters">One tensor per parameter of the layout, in its order.</param>
    /// <returns>Shape [batch · targets, classes].</returns>
    private protected abstract Tensor Forward(TorchScope scope, Tensor inputs, ReadOnlySpan<Tensor> parameters);

    /// <summary>Whether the model sees images as plain vectors.</summary>
    private protected virtual bool IsFlat => false;

    private Tensor ComputeLoss(Batch batch)
    {
        Tensor logits = ComputeLogits(batch);
        Tensor labels;
        unsafe
        {
            void* memory = Unsafe.AsPointer(ref MemoryMarshal.GetReference(batch.Labels));
            labels = _scope.Over(memory, TensorShape.Of(batch.Count * batch.TargetCount), TensorType.Int64);
        }

        return TorchOps.CrossEntropy(_scope, logits, labels);
    }

    private Tensor ComputeLogits(Batch batch) => Forward(_scope, InputTensor(batch), _block.Leaves);

    private unsafe Tensor InputTensor(Batch batch)
    {
        if (Input.Kind == InputKind.Text)
        {
            void* characters = Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_characters));
            return _scope.Over(characters, TensorShape.Of(batch.Count * Input.Count), TensorType.Int64);
        }

        TensorShape shape = Input.Kind == InputKind.Image && !IsFlat
            ? TensorShape.Of(batch.Count, Input.Channels, Input.Height, Input.Width)
            : TensorShape.Of(batch.Count, Input.Count);
        void* memory = Unsafe.AsPointer(ref MemoryMarshal.GetReference(batch.Inputs));
        return _scope.Over(memory, shape, TensorType.Float32);
    }

    private (double Loss, int Correct) EvaluateBatch(Batch batch)
    {
        CheckBatch(batch);
        try
        {
            using var off = new GradMode(enabled: false);
            ReadOnlySpan<float> logits = TorchOps.Read(ComputeLogits(batch));
            return Classification.Score(logits, batch.Labels[..(batch.Count * batch.TargetCount)], Input.ClassCount);
        }
        finally
        {
            _scope.Release();
        }
    }

    private void CheckBatch(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0 || batch.InputCount != Input.Count || batch.TargetCount != Input.TargetCount)
        {
            throw new ArgumentException(
                $"{Name} takes batches of shape [1 or more, {Input.Count}], "
                + $"not [{batch.Count}, {batch.InputCount}]",
                nameof(batch));
        }

        foreach (long label in batch.Labels[..(batch.Count * batch.TargetCount)])
        {
            if ((ulong)label >= (ulong)Input.ClassCount)
            {
                throw new ArgumentException(
                    $"{Name} takes labels from 0 to {Input.ClassCount - 1}, not {label}", nameof(batch));
            }
        }

        if (Input.Kind == InputKind.Text)
        {
            ReadCharacters(batch);
        }
    }

    // A batch holds floats; an embedding is looked up by integers, and reads whatever memory a wrong one points to.
    private void ReadCharacters(Batch batch)
    {
        ReadOnlySpan<float> values = batch.Inputs[..(batch.Count * Input.Count)];
        if (_characters.Length < values.Length)
        {
            _characters = GC.AllocateArray<long>(values.Length, pinned: true);
        }

        for (int i = 0; i < values.Length; i++)
        {
            _characters[i] = values[i] >= 0 && values[i] < Input.ClassCount
                ? (long)values[i]
                : throw new ArgumentException(
                    $"{Name} takes characters from 0 to {Input.ClassCount - 1}, not {values[i]}", nameof(batch));
        }
    }
}
