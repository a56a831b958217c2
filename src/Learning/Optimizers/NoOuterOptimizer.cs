namespace P2PLearn.Learning.Optimizers;

/// <summary>No outer step: the next round starts from what mixing gave, to the bit.</summary>
public sealed class NoOuterOptimizer : IOuterOptimizer
{
    /// <summary>The name in a configuration.</summary>
    public const string RegisteredName = "none";

    /// <inheritdoc/>
    public string Name => RegisteredName;

    /// <summary>0: there is no state.</summary>
    public int StateSize => 0;

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<float> previous, Span<float> mixed) =>
        ArgumentOutOfRangeException.ThrowIfNotEqual(mixed.Length, previous.Length);

    /// <inheritdoc/>
    public void SaveState(Span<byte> destination) => ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, 0);

    /// <inheritdoc/>
    public void RestoreState(ReadOnlySpan<byte> state)
    {
        if (!state.IsEmpty)
        {
            throw new InvalidDataException($"the state of {Name} is empty, not {state.Length} bytes");
        }
    }
}
