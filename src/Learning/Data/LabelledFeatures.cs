namespace P2PLearn.Learning.Data;

/// <summary>Rows of numbers with a class each.</summary>
public sealed class LabelledFeatures : LabelledExamples
{
    private readonly ReadOnlyMemory<float> _values;
    private readonly ReadOnlyMemory<byte> _labels;

    /// <summary>Takes rows without copying.</summary>
    /// <param name="values">Shape [count, features], row-major, finite.</param>
    /// <param name="labels">Shape [count], each an index into <paramref name="classNames"/>.</param>
    /// <param name="featureCount">Numbers of a row; at least 1.</param>
    /// <param name="classNames">What each class is called; at most <see cref="LabelledExamples.MaxClasses"/>.</param>
    /// <exception cref="ArgumentException">The lengths do not fit each other, or a label is out of range.</exception>
    public LabelledFeatures(ReadOnlyMemory<float> values, ReadOnlyMemory<byte> labels, int featureCount, IReadOnlyList<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classNames.Count, MaxClasses);
        Input = ModelInput.Features(featureCount, classNames.Count);
        if (values.Length != (long)labels.Length * featureCount)
        {
            throw new ArgumentException($"{values.Length} numbers do not make {labels.Length} rows of {featureCount}");
        }

        foreach (byte label in labels.Span)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(label, classNames.Count, nameof(labels));
        }

        (_values, _labels, ClassNames) = (values, labels, classNames);
    }

    /// <summary>What each class is called, in the order of the labels.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override ModelInput Input { get; }

    /// <inheritdoc/>
    public override int ClassCount => Input.ClassCount;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Labels => _labels.Span;

    /// <inheritdoc/>
    public override void CopyInput(int index, Span<float> destination) =>
        _values.Span.Slice(index * Input.Count, Input.Count).CopyTo(destination);

    /// <inheritdoc/>
    public override LabelledFeatures Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        int taken = Math.Min(count, Count);
        return new LabelledFeatures(_values[..(taken * Input.Count)], _labels[..taken], Input.Count, ClassNames);
    }
}
