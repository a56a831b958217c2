using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Attacks;

/// <summary>Inner products of model vectors relative to an origin among them.</summary>
/// <remarks>
/// Centring keeps differences exact although models differ little compared with their norm. Sums in float within blocks, in double
/// across them. Cost m²·d/2.
/// </remarks>
internal static class CentredGram
{
    private const int BlockLength = 2048;

    /// <summary>Computes ⟨x_i − o, x_j − o⟩, with a direction u, taken as it is, as the last vector when there is one.</summary>
    /// <param name="vectors">m vectors of shape [d].</param>
    /// <param name="origin">o, shape [d].</param>
    /// <param name="direction">u, shape [d], or empty.</param>
    /// <returns>Shape [m, m] or [m + 1, m + 1], row-major, symmetric.</returns>
    public static double[] Compute(
        IReadOnlyList<ReadOnlyMemory<float>> vectors, ReadOnlySpan<float> origin, ReadOnlySpan<float> direction)
    {
        int count = vectors.Count;
        int size = direction.IsEmpty ? count : count + 1;
        double[] gram = new double[size * size];
        float[] centred = new float[size * BlockLength];
        for (int start = 0; start < origin.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, origin.Length - start);
            for (int i = 0; i < count; i++)
            {
                TensorPrimitives.Subtract(
                    vectors[i].Span.Slice(start, length), origin.Slice(start, length), centred.AsSpan(i * BlockLength));
            }

            if (size > count)
            {
                direction.Slice(start, length).CopyTo(centred.AsSpan(count * BlockLength));
            }

            AddBlock(gram, size, centred, length);
        }

        Mirror(gram, size);
        return gram;
    }

    /// <summary>The inner product of two vectors of one length.</summary>
    public static double Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        double sum = 0;
        for (int start = 0; start < left.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, left.Length - start);
            sum += DotOfBlock(left.Slice(start, length), right.Slice(start, length));
        }

        return sum;
    }

    private static void AddBlock(double[] gram, int size, float[] centred, int length)
    {
        for (int i = 0; i < size; i++)
        {
            for (int j = i; j < size; j++)
            {
                gram[(i * size) + j] += DotOfBlock(
                    centred.AsSpan(i * BlockLength, length), centred.AsSpan(j * BlockLength, length));
            }
        }
    }

    private static void Mirror(double[] gram, int size)
    {
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < i; j++)
            {
                gram[(i * size) + j] = gram[(j * size) + i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double DotOfBlock(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        ref float a = ref MemoryMarshal.GetReference(left);
        ref float b = ref MemoryMarshal.GetReference(right);
        Vector256<float> sum0 = default, sum1 = default;
        int i = 0;
        for (; i <= left.Length - 16; i += 16)
        {
            sum0 += Vector256.LoadUnsafe(ref a, (nuint)i) * Vector256.LoadUnsafe(ref b, (nuint)i);
            sum1 += Vector256.LoadUnsafe(ref a, (nuint)i + 8) * Vector256.LoadUnsafe(ref b, (nuint)i + 8);
        }

        double rest = 0;
        for (; i < left.Length; i++)
        {
            rest += (double)left[i] * right[i];
        }

        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(sum0 + sum1);
        return Vector256.Sum(lower + upper) + rest;
    }
}
