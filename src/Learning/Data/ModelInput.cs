namespace P2PLearn.Learning.Data;

/// <summary>What kind of values an example holds.</summary>
public enum InputKind
{
    /// <summary>Pixels, [channels, height, width].</summary>
    Image,

    /// <summary>Numbers in columns, [count].</summary>
    Features,

    /// <summary>Characters as numbers in [0, classes), [length].</summary>
    Text,
}

/// <summary>The shape of the examples that a model is built for, and the number of classes it tells apart.</summary>
public sealed record ModelInput
{
    private ModelInput(InputKind kind, int channels, int height, int width, int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classCount);
        (Kind, Channels, Height, Width, ClassCount) = (kind, channels, height, width, classCount);
        Count = checked(channels * height * width);
    }

    /// <summary>MNIST's: one channel of 28×28 pixels, ten classes.</summary>
    public static ModelInput Mnist { get; } = Image(1, 28, 28, 10);

    /// <summary>What the values are.</summary>
    public InputKind Kind { get; }

    /// <summary>Channels of an image; else 1.</summary>
    public int Channels { get; }

    /// <summary>Rows of an image; else 1.</summary>
    public int Height { get; }

    /// <summary>Columns of an image; else the length.</summary>
    public int Width { get; }

    /// <summary>Values of an example.</summary>
    public int Count { get; }

    /// <summary>Classes that a target is one of; for text the size of the vocabulary.</summary>
    public int ClassCount { get; }

    /// <summary>Targets of an example: one, or for text the next character at each place.</summary>
    public int TargetCount => Kind == InputKind.Text ? Count : 1;

    /// <summary>Images.</summary>
    public static ModelInput Image(int channels, int height, int width, int classCount) =>
        new(InputKind.Image, channels, height, width, classCount);

    /// <summary>Rows of numbers.</summary>
    public static ModelInput Features(int count, int classCount) => new(InputKind.Features, 1, 1, count, classCount);

    /// <summary>Blocks of characters.</summary>
    public static ModelInput Text(int length, int vocabularySize) => new(InputKind.Text, 1, 1, length, vocabularySize);

    /// <summary>E.g. "images of 1×28×28 in 10 classes", for a message.</summary>
    public override string ToString() => Kind switch
    {
        InputKind.Image => $"images of {Channels}×{Height}×{Width} in {ClassCount} classes",
        InputKind.Features => $"rows of {Count} numbers in {ClassCount} classes",
        _ => $"blocks of {Count} out of {ClassCount} characters",
    };
}
