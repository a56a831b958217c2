using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Data;

/// <summary>A batch of scaled images and labels in memory that is reused from step to step and never moves.</summary>
/// <remarks>
/// Pinned and aligned to a cache line, so that a tensor can be laid over it without a copy and matrix kernels, which
/// choose their order of summation by alignment, give the same bits in every run. Not safe for several threads.
/// </remarks>
public sealed class Batch
{
    private const int AlignmentBytes = 64;

    private readonly float[] _images;
    private readonly long[] _labels;
    private readonly int _firstImage;

    /// <summary>Makes room for a batch.</summary>
    /// <param name="capacity">Largest number of images.</param>
    /// <param name="pixelCount">Pixels of an image.</param>
    public Batch(int capacity, int pixelCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pixelCount);
        PixelCount = pixelCount;
        int room = checked((capacity * pixelCount) + (AlignmentBytes / sizeof(float)));
        _images = GC.AllocateArray<float>(room, pinned: true);
        _labels = GC.AllocateArray<long>(capacity, pinned: true);
        _firstImage = FloatsToAlignment(_images);
    }

    /// <summary>Images in use, in [0, <see cref="Capacity"/>]; the rest is not read.</summary>
    public int Count
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Capacity);
            field = value;
        }
    }

    /// <summary>Pixels of an image.</summary>
    public int PixelCount { get; }

    /// <summary>Largest number of images.</summary>
    public int Capacity => _labels.Length;

    /// <summary>
    /// Scaled pixels, shape [capacity, pixels], at an address that is fixed as long as the batch is alive.
    /// </summary>
    public Span<float> Images => _images.AsSpan(_firstImage, Capacity * PixelCount);

    /// <summary>Labels, shape [capacity], at an address that is fixed as long as the batch is alive.</summary>
    public Span<long> Labels => _labels;

    /// <summary>Fills the batch with the chosen images.</summary>
    /// <param name="data">Where they come from; same number of pixels.</param>
    /// <param name="indices">At most <see cref="Capacity"/> indices into <paramref name="data"/>.</param>
    public void Fill(LabelledImages data, ReadOnlySpan<int> indices)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNotEqual(data.PixelCount, PixelCount);
        Count = indices.Length;
        for (int i = 0; i < indices.Length; i++)
        {
            Set(i, data, indices[i]);
        }
    }

    /// <summary>Fills the batch with <paramref name="count"/> images in a row.</summary>
    /// <param name="data">Where they come from; same number of pixels.</param>
    /// <param name="first">Index of the first.</param>
    /// <param name="count">At most <see cref="Capacity"/>.</param>
    public void FillRange(LabelledImages data, int first, int count)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNotEqual(data.PixelCount, PixelCount);
        Count = count;
        for (int i = 0; i < count; i++)
        {
            Set(i, data, first + i);
        }
    }

    private static int FloatsToAlignment(float[] pinned)
    {
        nuint address;
        unsafe
        {
            address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
        }

        nuint past = address % AlignmentBytes;
        return past == 0 ? 0 : (int)((AlignmentBytes - past) / sizeof(float));
    }

    private void Set(int position, LabelledImages data, int index)
    {
        data.Scaling.Scale(data.Image(index), Images.Slice(position * PixelCount, PixelCount));
        _labels[position] = data.Labels[index];
    }
}
