using System.Numerics.Tensors;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Optimizers;

/// <summary>Settings of <see cref="MomentumSgd"/>; the defaults are MoNNA's for MNIST.</summary>
public sealed record MomentumSgdOptions
{
    /// <summary>β, in [0, 1). Default 0.99: what lets honest gradients agree under attack. 0 is plain SGD.</summary>
    public float Momentum { get; init; } = 0.99f;

    /// <summary>γ_t.</summary>
    public StepDecaySchedule Schedule { get; init; } = new();

    /// <summary>
    /// λ of the penalty λ/2·‖θ‖², at least 0. Default 0: the reference states an ℓ2 term of 1e-4·‖θ‖, but its
    /// gradient there is exactly zero.
    /// </summary>
    public float WeightDecay { get; init; }

    /// <summary>Throws when a value is out of its range.</summary>
    public void Validate()
    {
        if (!(Momentum >= 0 && Momentum < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(Momentum), Momentum, "must be in [0, 1)");
        }

        if (!(WeightDecay >= 0) || !float.IsFinite(WeightDecay))
        {
            throw new ArgumentOutOfRangeException(nameof(WeightDecay), WeightDecay, "must be finite and at least 0");
        }

        ArgumentNullException.ThrowIfNull(Schedule);
        Schedule.Validate();
    }
}

/// <summary>SGD with damped Polyak momentum: m ← βm + (1 − β)(g + λθ), θ ← θ − γ_t·m.</summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), local step of MoNNA. m starts at 0. Cost O(d), one pass
/// through memory: the vectors are worked on in pieces that stay in the first-level cache.
/// </remarks>
public sealed class MomentumSgd : ILocalOptimizer
{
    private const int PieceLength = 1024; // three pieces of 4 KiB; first-level caches hold at least 32

    private readonly MomentumSgdOptions _options;
    private readonly float[] _momentum;

    /// <summary>Creates the optimizer with m = 0.</summary>
    /// <param name="parameterCount">d.</param>
    /// <param name="options">Checked here.</param>
    public MomentumSgd(int parameterCount, MomentumSgdOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parameterCount);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _momentum = new float[parameterCount];
    }

    /// <inheritdoc/>
    public string Name => "momentum-sgd";

    /// <inheritdoc/>
    public int StateSize => _momentum.Length * sizeof(float);

    /// <summary>m, shape [d].</summary>
    public ReadOnlySpan<float> Momentum => _momentum;

    /// <inheritdoc/>
    public void Step(Span<float> parameters, ReadOnlySpan<float> gradient, long step)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(parameters.Length, _momentum.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, _momentum.Length);
        float rate = (float)_options.Schedule.RateAt(step);
        for (int start = 0; start < _momentum.Length; start += PieceLength)
        {
            int length = Math.Min(PieceLength, _momentum.Length - start);
            Span<float> momentum = _momentum.AsSpan(start, length);
            StepPiece(parameters.Slice(start, length), gradient.Slice(start, length), momentum, rate);
        }
    }

    /// <inheritdoc/>
    public void SaveState(Span<byte> destination)
    {
        LittleEndianFloats.Write(_momentum, destination);
    }

    /// <inheritdoc/>
    public void RestoreState(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateSize)
        {
            throw new InvalidDataException($"the momentum has {StateSize} bytes, not {state.Length}");
        }

        LittleEndianFloats.Read(state, _momentum);
    }

    private void StepPiece(Span<float> theta, ReadOnlySpan<float> gradient, Span<float> momentum, float rate)
    {
        float fresh = 1 - _options.Momentum;
        TensorPrimitives.Multiply(momentum, _options.Momentum, momentum);
        TensorPrimitives.MultiplyAdd(gradient, fresh, momentum, momentum);
        if (_options.WeightDecay > 0)
        {
            TensorPrimitives.MultiplyAdd(theta, fresh * _options.WeightDecay, momentum, momentum);
        }

        TensorPrimitives.MultiplyAdd(momentum, -rate, theta, theta);
    }
}
