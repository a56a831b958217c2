using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Data;

/// <summary>How bytes become inputs of a model: (byte / 255 − mean) / deviation.</summary>
/// <remarks>
/// Computed as byte · scale + offset with both rounded to float once, a product and a sum and never a fused one, so
/// that every machine gets the same bits.
/// </remarks>
public sealed record PixelScaling
{
    private readonly float _scale;
    private readonly float _offset;

    /// <summary>Creates a scaling.</summary>
    /// <param name="mean">Mean of the pixels as fractions in [0, 1].</param>
    /// <param name="deviation">Their standard deviation; positive.</param>
    public PixelScaling(double mean, double deviation)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(deviation);
        Mean = mean;
        Deviation = deviation;
        _scale = (float)(1 / (255 * deviation));
        _offset = (float)(-mean / deviation);
    }

    /// <summary>MNIST's training set: mean 0.1307, deviation 0.3081, as in MoNNA's experiments.</summary>
    public static PixelScaling Mnist { get; } = new(0.1307, 0.3081);

    /// <summary>The scaling that gives the pixels of these images mean 0 and deviation 1.</summary>
    public static PixelScaling Of(LabelledImages images)
    {
        ArgumentNullException.ThrowIfNull(images);
        long sum = 0;
        long squares = 0; // at most 2³⁰ · 255², far from overflow
        for (int i = 0; i < images.Count; i++)
        {
            foreach (byte pixel in images.Image(i))
            {
                sum += pixel;
                squares += pixel * pixel;
            }
        }

        double count = (double)images.Count * images.PixelCount;
        double mean = sum / count;
        double variance = (squares / count) - (mean * mean);
        return new PixelScaling(mean / 255, variance > 0 ? Math.Sqrt(variance) / 255 : 1);
    }

    /// <summary>Mean of the pixels as fractions in [0, 1].</summary>
    public double Mean { get; }

    /// <summary>Standard deviation of the pixels as fractions.</summary>
    public double Deviation { get; }

    /// <summary>Scales pixels.</summary>
    /// <param name="pixels">Shape [k].</param>
    /// <param name="destination">At least k floats.</param>
    public void Scale(ReadOnlySpan<byte> pixels, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, pixels.Length);
        int done = Vector256.IsHardwareAccelerated ? ScaleVectors(pixels, destination) : 0;
        for (int i = done; i < pixels.Length; i++)
        {
            destination[i] = (pixels[i] * _scale) + _offset;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int ScaleVectors(ReadOnlySpan<byte> pixels, Span<float> destination)
    {
        Vector256<float> scale = Vector256.Create(_scale);
        Vector256<float> offset = Vector256.Create(_offset);
        ref byte source = ref MemoryMarshal.GetReference(pixels);
        ref float target = ref MemoryMarshal.GetReference(destination);
        int i = 0;
        for (; i <= pixels.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            Vector128<byte> bytes = Vector128.LoadUnsafe(ref source, (nuint)i);
            Vector256<ushort> wide = Vector256.WidenLower(bytes.ToVector256Unsafe());
            (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(wide);
            Vector256<float> first = (Vector256.ConvertToSingle(lower.AsInt32()) * scale) + offset;
            Vector256<float> second = (Vector256.ConvertToSingle(upper.AsInt32()) * scale) + offset;
            first.StoreUnsafe(ref target, (nuint)i);
            second.StoreUnsafe(ref target, (nuint)(i + Vector256<float>.Count));
        }

        return i;
    }
}
