using System.Buffers.Binary;
using System.Numerics.Tensors;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Optimizers;

/// <summary>Adam and AdamW: steps by the running mean of gradients over the root of that of their squares.</summary>
/// <remarks>
/// Source: Kingma and Ba, ICLR 2015 (arXiv:1412.6980), algorithm 1; Loshchilov and Hutter, ICLR 2019
/// (arXiv:1711.05101), algorithm 2. The bias correction counts this optimizer's own steps, not the run's: a node that
/// joins late begins with m = v = 0, and the count of the run would make its first steps three times too long. The
/// state is that count (i64), m and v, little endian. Cost O(d), one pass through memory.
/// </remarks>
public sealed class Adam : ILocalOptimizer
{
    private const int PieceLength = 1024; // five pieces of 4 KiB; first-level caches hold at least 32 KiB

    private readonly AdamOptions _options;
    private readonly float[] _mean;
    private readonly float[] _square;
    private readonly float[] _piece = new float[PieceLength];
    private long _stepCount;

    /// <summary>Creates the optimizer with m = v = 0.</summary>
    /// <param name="parameterCount">d.</param>
    /// <param name="options">Checked here.</param>
    public Adam(int parameterCount, AdamOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parameterCount);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _mean = new float[parameterCount];
        _square = new float[parameterCount];
    }

    /// <summary>"adamw" when the weight decay is decoupled, else "adam".</summary>
    public string Name => _options.Decoupled ? "adamw" : "adam";

    /// <inheritdoc/>
    public int StateSize => checked(sizeof(long) + (2 * _mean.Length * sizeof(float)));

    /// <inheritdoc/>
    public void Step(Span<float> parameters, ReadOnlySpan<float> gradient, long step)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(parameters.Length, _mean.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, _mean.Length);
        double rate = _options.Schedule.RateAt(step);
        _stepCount++;
        var scales = new Scales(
            Gradient: GradientNorm.ClipFactor(gradient, _options.MaxGradientNorm),
            Rate: (float)(rate / (1 - Math.Pow(_options.Beta1, _stepCount))),
            Root: (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, _stepCount))),
            Shrink: _options.Decoupled ? (float)(1 - (rate * _options.WeightDecay)) : 1);
        for (int start = 0; start < _mean.Length; start += PieceLength)
        {
            int length = Math.Min(PieceLength, _mean.Length - start);
            StepPiece(start, parameters.Slice(start, length), gradient.Slice(start, length), scales);
        }
    }

    /// <inheritdoc/>
    public void SaveState(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, StateSize);
        int bytes = _mean.Length * sizeof(float);
        BinaryPrimitives.WriteInt64LittleEndian(destination, _stepCount);
        LittleEndianFloats.Write(_mean, destination.Slice(sizeof(long), bytes));
        LittleEndianFloats.Write(_square, destination[(sizeof(long) + bytes)..]);
    }

    /// <inheritdoc/>
    public void RestoreState(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateSize)
        {
            throw new InvalidDataException($"the state of {Name} has {StateSize} bytes, not {state.Length}");
        }

        long count = BinaryPrimitives.ReadInt64LittleEndian(state);
        if (count < 0)
        {
            throw new InvalidDataException($"{Name} cannot have done {count} steps");
        }

        int bytes = _mean.Length * sizeof(float);
        _stepCount = count;
        LittleEndianFloats.Read(state.Slice(sizeof(long), bytes), _mean);
        LittleEndianFloats.Read(state[(sizeof(long) + bytes)..], _square);
    }

    private void StepPiece(int start, Span<float> theta, ReadOnlySpan<float> gradient, Scales scales)
    {
        Span<float> mean = _mean.AsSpan(start, theta.Length);
        Span<float> square = _square.AsSpan(start, theta.Length);
        Span<float> piece = _piece.AsSpan(0, theta.Length);
        TensorPrimitives.Multiply(gradient, scales.Gradient, piece);
        if (!_options.Decoupled && _options.WeightDecay > 0)
        {
            TensorPrimitives.MultiplyAdd(theta, _options.WeightDecay, piece, piece);
        }

        TensorPrimitives.Multiply(mean, _options.Beta1, mean);
        TensorPrimitives.MultiplyAdd(piece, 1 - _options.Beta1, mean, mean);
        TensorPrimitives.Multiply(piece, piece, piece);
        TensorPrimitives.Multiply(square, _options.Beta2, square);
        TensorPrimitives.MultiplyAdd(piece, 1 - _options.Beta2, square, square);

        TensorPrimitives.Sqrt(square, piece);
        TensorPrimitives.Multiply(piece, scales.Root, piece);
        TensorPrimitives.Add(piece, _options.Epsilon, piece);
        TensorPrimitives.Divide(mean, piece, piece);
        if (scales.Shrink != 1)
        {
            TensorPrimitives.Multiply(theta, scales.Shrink, theta);
        }

        TensorPrimitives.MultiplyAdd(piece, -scales.Rate, theta, theta);
    }

    /// <summary>The factors of one step: of the gradient, of m over its root, of that root, and of θ.</summary>
    private readonly record struct Scales(float Gradient, float Rate, float Root, float Shrink);
}
