using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Optimizers;

/// <summary>Settings of <see cref="MomentumSgd"/>; the defaults are MoNNA's for MNIST.</summary>
public sealed record MomentumSgdOptions
{
    /// <summary>β, in [0, 1). Default 0.99: what lets honest gradients agree under attack. 0 is plain SGD.</summary>
    public float Momentum { get; init; } = 0.99f;

    /// <summary>γ_t.</summary>
    public ILearningRateSchedule Schedule { get; init; } = new StepDecaySchedule();

    /// <summary>
    /// λ of the penalty λ/2·‖θ‖², at least 0. Default 0: the reference states an ℓ2 term of 1e-4·‖θ‖, but its
    /// gradient there is exactly zero.
    /// </summary>
    public float WeightDecay { get; init; }

    /// <summary>Longest gradient in the 2-norm before anything else is done with it; null for no limit.</summary>
    public double? MaxGradientNorm { get; init; }

    /// <summary>Throws when a value is out of its range.</summary>
    public void Validate()
    {
        OptimizerChecks.RequireMomentum(Momentum, nameof(Momentum));
        OptimizerChecks.RequireDecay(WeightDecay, nameof(WeightDecay));
        GradientNorm.Validate(MaxGradientNorm, nameof(MaxGradientNorm));
        ArgumentNullException.ThrowIfNull(Schedule);
        Schedule.Validate();
    }
}

/// <summary>SGD with damped Polyak momentum: m ← βm + (1 − β)(clip(g) + λθ), θ ← θ − γ_t·m.</summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), local step of MoNNA. m starts at 0. Cost O(d), one pass
/// through memory.
/// </remarks>
public sealed class MomentumSgd : ILocalOptimizer
{
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
        float fresh = 1 - _options.Momentum;
        var factors = new Factors(
            _options.Momentum,
            fresh * GradientNorm.ClipFactor(gradient, _options.MaxGradientNorm),
            fresh * _options.WeightDecay,
            (float)_options.Schedule.RateAt(step));
        StepVectors(parameters, gradient, _momentum, factors);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StepVectors(Span<float> parameters, ReadOnlySpan<float> gradients, Span<float> momenta, in Factors factors)
    {
        ref float theta = ref MemoryMarshal.GetReference(parameters);
        ref float gradient = ref MemoryMarshal.GetReference(gradients);
        ref float momentum = ref MemoryMarshal.GetReference(momenta);
        (float kept, float fresh, float decay, float rate) = factors;
        nuint i = 0;
        nuint lanes = (nuint)Vector256<float>.Count;
        for (nuint last = (nuint)momenta.Length - ((nuint)momenta.Length % lanes); i < last; i += lanes)
        {
            Vector256<float> t = Vector256.LoadUnsafe(ref theta, i);
            Vector256<float> m = (Vector256.LoadUnsafe(ref gradient, i) * fresh) + (Vector256.LoadUnsafe(ref momentum, i) * kept);
            m = decay == 0 ? m : (t * decay) + m;
            m.StoreUnsafe(ref momentum, i);
            ((m * -rate) + t).StoreUnsafe(ref theta, i);
        }

        for (int k = (int)i; k < momenta.Length; k++)
        {
            float m = (gradients[k] * fresh) + (momenta[k] * kept);
            momenta[k] = decay == 0 ? m : (parameters[k] * decay) + m;
            parameters[k] = (momenta[k] * -rate) + parameters[k];
        }
    }

    /// <summary>What each float is multiplied by.</summary>
    /// <param name="Kept">β.</param>
    /// <param name="Fresh">(1 − β) times what clipping leaves of the gradient.</param>
    /// <param name="Decay">(1 − β)·λ.</param>
    /// <param name="Rate">γ_t.</param>
    private readonly record struct Factors(float Kept, float Fresh, float Decay, float Rate);
}
