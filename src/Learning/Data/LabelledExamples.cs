namespace P2PLearn.Learning.Data;

/// <summary>What a model learns from: examples of one shape, each with its target or targets.</summary>
/// <remarks>Immutable; safe for several threads.</remarks>
public abstract class LabelledExamples
{
    /// <summary>Most classes: a label is a byte.</summary>
    public const int MaxClasses = 256;

    /// <summary>Number of examples.</summary>
    public int Count => Labels.Length;

    /// <summary>Shape of an example and number of classes of its targets.</summary>
    public abstract ModelInput Input { get; }

    /// <summary>Number of classes of <see cref="Labels"/>.</summary>
    public abstract int ClassCount { get; }

    /// <summary>
    /// The classes by which partitioners deal the examples out, shape [count], each in [0, <see cref="ClassCount"/>). Where an example has one
    /// target, the label is it.
    /// </summary>
    public abstract ReadOnlySpan<byte> Labels { get; }

    /// <summary>Writes the values of an example as a model sees them.</summary>
    /// <param name="index">In [0, count).</param>
    /// <param name="destination">Shape [<see cref="ModelInput.Count"/>].</param>
    public abstract void CopyInput(int index, Span<float> destination);

    /// <summary>Writes what a model should answer.</summary>
    /// <param name="index">In [0, count).</param>
    /// <param name="destination">Shape [<see cref="ModelInput.TargetCount"/>]; each in [0, classes of <see cref="Input"/>).</param>
    public virtual void CopyTargets(int index, Span<long> destination) => destination[0] = Labels[index];

    /// <summary>The first examples; all when there are no more.</summary>
    /// <param name="count">At least 1.</param>
    public abstract LabelledExamples Take(int count);
}
