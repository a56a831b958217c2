namespace P2PLearn.Learning.Optimizers;

/// <summary>How a node moves its own model by a gradient, between two mixings.</summary>
/// <remarks>Its state belongs to the node and is never sent. Deterministic. Not safe for several threads.</remarks>
public interface ILocalOptimizer
{
    /// <summary>The name in a configuration: "momentum-sgd".</summary>
    string Name { get; }

    /// <summary>Bytes of <see cref="SaveState"/>; does not change.</summary>
    int StateSize { get; }

    /// <summary>Does one step.</summary>
    /// <param name="parameters">θ, shape [d], changed in place.</param>
    /// <param name="gradient">g, shape [d].</param>
    /// <param name="step">t, the number of steps done before this one.</param>
    void Step(Span<float> parameters, ReadOnlySpan<float> gradient, long step);

    /// <summary>Writes the state, <see cref="StateSize"/> bytes.</summary>
    void SaveState(Span<byte> destination);

    /// <summary>Takes over a saved state.</summary>
    /// <exception cref="InvalidDataException">Wrong length; nothing is changed.</exception>
    void RestoreState(ReadOnlySpan<byte> state);
}
