namespace P2PLearn.Learning.Data;

/// <summary>A batch of scaled images and labels in memory that is reused from step to step and never moves.</summary>
/// <remarks>Pinned arrays, so that a tensor can be laid over them without a copy.</remarks>
public sealed class Batch
{
    /// <summary>Makes room for a batch.</summary>
    /// <param name="capacity">Largest number of images.</param>
    /// <param name="pixelCount">Pixels of an image.</param>
    public Batch(int capacity, int pixelCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pixelCount);
        PixelCount = pixelCount;
        Images = GC.AllocateArray<float>(capacity * pixelCount, pinned: true);
        Labels = GC.AllocateArray<long>(capacity, pinned: true);
    }

    /// <summary>Images in use; the rest of the arrays is not read.</summary>
    public int Count { get; set; }

    /// <summary>Pixels of an image.</summary>
    public int PixelCount { get; }

    /// <summary>Largest number of images.</summary>
    public int Capacity => Labels.Length;

    /// <summary>Scaled pixels, shape [capacity, pixels], pinned.</summary>
    public float[] Images { get; }

    /// <summary>Labels, shape [capacity], pinned.</summary>
    public long[] Labels { get; }
}
