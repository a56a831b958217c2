using System.Runtime.CompilerServices;

namespace P2PLearn.Learning.Attacks;

/// <summary>Mean and spread of the honest models, coordinate by coordinate.</summary>
internal static class HonestStatistics
{
    /// <summary>μ, summed in double.</summary>
    /// <param name="honest">h vectors of shape [d].</param>
    /// <param name="mean">Shape [d].</param>
    public static void Mean(IReadOnlyList<ReadOnlyMemory<float>> honest, Span<float> mean) => Compute(honest, mean, []);

    /// <summary>μ and s, the standard deviation with h − 1 in the denominator; 0 when h = 1.</summary>
    /// <param name="honest">h vectors of shape [d].</param>
    /// <param name="mean">Shape [d].</param>
    /// <param name="deviation">Shape [d], or empty when not wanted.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute(IReadOnlyList<ReadOnlyMemory<float>> honest, Span<float> mean, Span<float> deviation)
    {
        const int BlockLength = 1024;
        Span<double> sum = new double[BlockLength];
        Span<double> squares = new double[BlockLength];
        for (int start = 0; start < mean.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, mean.Length - start);
            sum.Clear();
            foreach (ReadOnlyMemory<float> model in honest)
            {
                ReadOnlySpan<float> values = model.Span.Slice(start, length);
                for (int k = 0; k < length; k++)
                {
                    sum[k] += values[k];
                }
            }

            for (int k = 0; k < length; k++)
            {
                sum[k] /= honest.Count;
                mean[start + k] = (float)sum[k];
            }

            if (!deviation.IsEmpty)
            {
                Deviation(honest, start, sum[..length], squares[..length], deviation.Slice(start, length));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Deviation(
        IReadOnlyList<ReadOnlyMemory<float>> honest, int start, Span<double> mean, Span<double> squares, Span<float> deviation)
    {
        squares.Clear();
        foreach (ReadOnlyMemory<float> model in honest)
        {
            ReadOnlySpan<float> values = model.Span.Slice(start, mean.Length);
            for (int k = 0; k < mean.Length; k++)
            {
                double difference = values[k] - mean[k];
                squares[k] += difference * difference;
            }
        }

        for (int k = 0; k < mean.Length; k++)
        {
            deviation[k] = (float)Math.Sqrt(squares[k] / Math.Max(1, honest.Count - 1));
        }
    }
}
