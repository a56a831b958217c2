namespace P2PLearn.Learning.Optimizers;

/// <summary>How a node goes from the model it had before a round towards what mixing gave.</summary>
/// <remarks>
/// Runs once a round, after the aggregation. Its momentum is kept across rounds, belongs to the node and is never
/// sent. Deterministic: nodes with equal momentum, old model and mixed model end equal. Not safe for several threads.
/// </remarks>
public interface IOuterOptimizer
{
    /// <summary>The name in a configuration: "none", "nesterov".</summary>
    string Name { get; }

    /// <summary>Bytes of <see cref="SaveState"/>; does not change.</summary>
    int StateSize { get; }

    /// <summary>Does one outer step.</summary>
    /// <param name="previous">θ at the start of the round, before its local steps, shape [d].</param>
    /// <param name="mixed">What the aggregation gave, shape [d]; overwritten by the model that the next round starts from.</param>
    void Step(ReadOnlySpan<float> previous, Span<float> mixed);

    /// <summary>Writes the state, <see cref="StateSize"/> bytes.</summary>
    void SaveState(Span<byte> destination);

    /// <summary>Takes over a saved state.</summary>
    /// <exception cref="InvalidDataException">Wrong length; nothing is changed.</exception>
    void RestoreState(ReadOnlySpan<byte> state);
}
