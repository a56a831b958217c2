using System.Numerics.Tensors;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Optimizers;

/// <summary>Settings of <see cref="NesterovOuterOptimizer"/>; the defaults are DiLoCo's.</summary>
public sealed record NesterovOuterOptions
{
    /// <summary>Outer learning rate; positive and finite. Default 0.7.</summary>
    public float LearningRate { get; init; } = 0.7f;

    /// <summary>μ, in [0, 1). Default 0.9.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>Throws when a value is out of its range.</summary>
    public void Validate()
    {
        OptimizerChecks.RequireRate(LearningRate, nameof(LearningRate));
        OptimizerChecks.RequireMomentum(Momentum, nameof(Momentum));
    }
}

/// <summary>
/// DiLoCo's outer step: Nesterov momentum on the pseudo-gradient D = θ_old − θ_mixed; v ← μv + D, θ ← θ_old − η(D + μv).
/// </summary>
/// <remarks>
/// Source: Douillard et al. 2023 (arXiv:2311.08105), algorithm 1, with the momentum of PyTorch's SGD. With η = 1 and
/// μ = 0 it is plain averaging. Deviation: the paper's mean is here whatever the run's aggregation gave, so that the
/// outer step is as robust as that is. Cost O(d), one pass through memory.
/// </remarks>
public sealed class NesterovOuterOptimizer : IOuterOptimizer
{
    /// <summary>The name in a configuration.</summary>
    public const string RegisteredName = "nesterov";

    private const int PieceLength = 1024; // four pieces of 4 KiB; first-level caches hold at least 32 KiB

    private readonly NesterovOuterOptions _options;
    private readonly float[] _momentum;
    private readonly float[] _piece = new float[PieceLength];

    /// <summary>Creates the optimizer with v = 0.</summary>
    /// <param name="parameterCount">d.</param>
    /// <param name="options">Checked here.</param>
    public NesterovOuterOptimizer(int parameterCount, NesterovOuterOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parameterCount);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _momentum = new float[parameterCount];
    }

    /// <inheritdoc/>
    public string Name => RegisteredName;

    /// <inheritdoc/>
    public int StateSize => _momentum.Length * sizeof(float);

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<float> previous, Span<float> mixed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(previous.Length, _momentum.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(mixed.Length, _momentum.Length);
        for (int start = 0; start < _momentum.Length; start += PieceLength)
        {
            int length = Math.Min(PieceLength, _momentum.Length - start);
            Span<float> momentum = _momentum.AsSpan(start, length);
            StepPiece(previous.Slice(start, length), mixed.Slice(start, length), momentum);
        }
    }

    /// <inheritdoc/>
    public void SaveState(Span<byte> destination) => LittleEndianFloats.Write(_momentum, destination);

    /// <inheritdoc/>
    public void RestoreState(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateSize)
        {
            throw new InvalidDataException($"the outer momentum has {StateSize} bytes, not {state.Length}");
        }

        LittleEndianFloats.Read(state, _momentum);
    }

    private void StepPiece(ReadOnlySpan<float> previous, Span<float> mixed, Span<float> momentum)
    {
        Span<float> difference = _piece.AsSpan(0, mixed.Length);
        TensorPrimitives.Subtract(previous, mixed, difference);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, difference, momentum);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, difference, difference);
        TensorPrimitives.MultiplyAdd(difference, -_options.LearningRate, previous, mixed);
    }
}
