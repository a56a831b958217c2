namespace P2PLearn.Learning.Data;

/// <summary>A text in blocks of T characters, each with the character that follows as its target.</summary>
/// <remarks>
/// Blocks lie end to end, so every character but the first is a target once. All have label 0: partitioners that go by classes keep the order
/// of the text.
/// </remarks>
public sealed class TextBlocks : LabelledExamples
{
    private readonly ReadOnlyMemory<byte> _text;
    private readonly byte[] _labels;

    /// <summary>Takes a text without copying.</summary>
    /// <param name="text">Numbers of characters, each in [0, vocabulary); at least <paramref name="length"/> + 1.</param>
    /// <param name="length">T, at least 1.</param>
    /// <param name="vocabularySize">Number of different characters, 2 to <see cref="LabelledExamples.MaxClasses"/>.</param>
    /// <exception cref="ArgumentException">A number is out of range, or the text too short.</exception>
    public TextBlocks(ReadOnlyMemory<byte> text, int length, int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vocabularySize, MaxClasses);
        Input = ModelInput.Text(length, vocabularySize);
        if (text.Length <= length)
        {
            throw new ArgumentException($"{text.Length} characters do not make a block of {length} and the one after it");
        }

        int wrong = text.Span.IndexOfAnyExceptInRange((byte)0, (byte)(vocabularySize - 1));
        if (wrong >= 0)
        {
            throw new ArgumentException($"character {wrong} is number {text.Span[wrong]}, beyond a vocabulary of {vocabularySize}");
        }

        _text = text;
        _labels = new byte[(text.Length - 1) / length];
    }

    /// <inheritdoc/>
    public override ModelInput Input { get; }

    /// <summary>1: there are no classes to deal by.</summary>
    public override int ClassCount => 1;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Labels => _labels;

    /// <inheritdoc/>
    public override void CopyInput(int index, Span<float> destination)
    {
        ReadOnlySpan<byte> block = _text.Span.Slice(index * Input.Count, Input.Count);
        for (int i = 0; i < block.Length; i++)
        {
            destination[i] = block[i];
        }
    }

    /// <inheritdoc/>
    public override void CopyTargets(int index, Span<long> destination)
    {
        ReadOnlySpan<byte> block = _text.Span.Slice((index * Input.Count) + 1, Input.Count);
        for (int i = 0; i < block.Length; i++)
        {
            destination[i] = block[i];
        }
    }

    /// <inheritdoc/>
    public override TextBlocks Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new TextBlocks(_text[..((Math.Min(count, Count) * Input.Count) + 1)], Input.Count, Input.ClassCount);
    }
}
