namespace P2PLearn.Learning.Data;

/// <summary>Images of one size with a class label each, as they come from the file: one byte per pixel.</summary>
/// <remarks>
/// Immutable. Scaling to floats happens when a batch is gathered, so that 60,000 MNIST images stay 47 MB.
/// </remarks>
public sealed class LabelledImages : LabelledExamples
{
    private readonly ReadOnlyMemory<byte> _pixels;
    private readonly ReadOnlyMemory<byte> _labels;

    /// <summary>Takes images without copying.</summary>
    /// <param name="pixels">Shape [count, channels, height, width], row-major.</param>
    /// <param name="labels">Shape [count], each in [0, <paramref name="classCount"/>).</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <param name="classCount">Number of classes.</param>
    /// <param name="channels">1 for grey, 3 for red, green and blue.</param>
    /// <exception cref="ArgumentException">The lengths do not fit each other, or a label is out of range.</exception>
    public LabelledImages(
        ReadOnlyMemory<byte> pixels, ReadOnlyMemory<byte> labels, int height, int width, int classCount, int channels = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        if (pixels.Length != (long)labels.Length * channels * height * width)
        {
            throw new ArgumentException($"{pixels.Length} pixels do not make {labels.Length} images of {height}×{width}");
        }

        foreach (byte label in labels.Span)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(label, classCount, nameof(labels));
        }

        _pixels = pixels;
        _labels = labels;
        Input = ModelInput.Image(channels, height, width, classCount);
    }

    /// <inheritdoc/>
    public override ModelInput Input { get; }

    /// <summary>1 for grey, 3 for red, green and blue.</summary>
    public int Channels => Input.Channels;

    /// <summary>Rows of an image.</summary>
    public int Height => Input.Height;

    /// <summary>Columns of an image.</summary>
    public int Width => Input.Width;

    /// <summary>Bytes of an image: its pixels in all channels.</summary>
    public int PixelCount => Input.Count;

    /// <inheritdoc/>
    public override int ClassCount => Input.ClassCount;

    /// <summary>How the pixels become inputs of a model.</summary>
    public PixelScaling Scaling { get; init; } = PixelScaling.Mnist;

    /// <summary>The labels, shape [count].</summary>
    public override ReadOnlySpan<byte> Labels => _labels.Span;

    /// <summary>The pixels of one image, shape [channels·height·width].</summary>
    /// <param name="index">In [0, count).</param>
    public ReadOnlySpan<byte> Image(int index) => _pixels.Span.Slice(index * PixelCount, PixelCount);

    /// <inheritdoc/>
    public override void CopyInput(int index, Span<float> destination) => Scaling.Scale(Image(index), destination);

    /// <summary>The same images, without a copy, scaled otherwise.</summary>
    public LabelledImages WithScaling(PixelScaling scaling)
    {
        ArgumentNullException.ThrowIfNull(scaling);
        return new LabelledImages(_pixels, _labels, Height, Width, ClassCount, Channels) { Scaling = scaling };
    }

    /// <inheritdoc/>
    public override LabelledImages Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        int taken = Math.Min(count, Count);
        ReadOnlyMemory<byte> pixels = _pixels[..(taken * PixelCount)];
        return new LabelledImages(pixels, _labels[..taken], Height, Width, ClassCount, Channels) { Scaling = Scaling };
    }
}
