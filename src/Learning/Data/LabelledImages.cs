namespace P2PLearn.Learning.Data;

/// <summary>Images of one size with a class label each, as they come from the file: one byte per pixel.</summary>
/// <remarks>
/// Immutable. Scaling to floats happens when a batch is gathered, so that 60,000 MNIST images stay 47 MB.
/// </remarks>
public sealed class LabelledImages
{
    private readonly ReadOnlyMemory<byte> _pixels;
    private readonly ReadOnlyMemory<byte> _labels;

    /// <summary>Takes images without copying.</summary>
    /// <param name="pixels">Shape [count, height, width], row-major.</param>
    /// <param name="labels">Shape [count], each in [0, <paramref name="classCount"/>).</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <param name="classCount">Number of classes.</param>
    /// <exception cref="ArgumentException">The lengths do not fit each other, or a label is out of range.</exception>
    public LabelledImages(ReadOnlyMemory<byte> pixels, ReadOnlyMemory<byte> labels, int height, int width, int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (pixels.Length != (long)labels.Length * height * width)
        {
            throw new ArgumentException($"{pixels.Length} pixels do not make {labels.Length} images of {height}×{width}");
        }

        foreach (byte label in labels.Span)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(label, classCount, nameof(labels));
        }

        _pixels = pixels;
        _labels = labels;
        Height = height;
        Width = width;
        ClassCount = classCount;
    }

    /// <summary>Number of images.</summary>
    public int Count => _labels.Length;

    /// <summary>Rows of an image.</summary>
    public int Height { get; }

    /// <summary>Columns of an image.</summary>
    public int Width { get; }

    /// <summary>Pixels of an image.</summary>
    public int PixelCount => Height * Width;

    /// <summary>Number of classes.</summary>
    public int ClassCount { get; }

    /// <summary>How the pixels become inputs of a model.</summary>
    public PixelScaling Scaling { get; init; } = PixelScaling.Mnist;

    /// <summary>The labels, shape [count].</summary>
    public ReadOnlySpan<byte> Labels => _labels.Span;

    /// <summary>The pixels of one image, shape [height·width].</summary>
    /// <param name="index">In [0, count).</param>
    public ReadOnlySpan<byte> Image(int index) => _pixels.Span.Slice(index * PixelCount, PixelCount);
}
