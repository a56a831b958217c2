using System.Numerics.Tensors;

namespace P2PLearn.Learning.Optimizers;

/// <summary>Clipping by the global norm: a gradient longer than allowed is shortened and keeps its direction.</summary>
/// <remarks>Source: Pascanu, Mikolov and Bengio, ICML 2013 (arXiv:1211.5063), algorithm 1.</remarks>
internal static class GradientNorm
{
    private const int PieceLength = 4096; // short enough that a float sum of its squares keeps six digits

    /// <summary>What to multiply the gradient by: min(1, max / ‖g‖₂).</summary>
    /// <param name="gradient">Shape [d].</param>
    /// <param name="maxNorm">Null for no limit.</param>
    /// <returns>In (0, 1]; 1 too for a gradient that is not finite, so that the defect is seen and not scaled away.</returns>
    public static float ClipFactor(ReadOnlySpan<float> gradient, double? maxNorm)
    {
        if (maxNorm is not { } max)
        {
            return 1;
        }

        double norm = Norm(gradient);
        return norm > max && double.IsFinite(norm) ? (float)(max / norm) : 1;
    }

    /// <summary>‖g‖₂, its pieces summed in double.</summary>
    public static double Norm(ReadOnlySpan<float> gradient)
    {
        double sum = 0;
        for (; !gradient.IsEmpty; gradient = gradient[Math.Min(PieceLength, gradient.Length)..])
        {
            sum += TensorPrimitives.SumOfSquares(gradient[..Math.Min(PieceLength, gradient.Length)]);
        }

        return Math.Sqrt(sum);
    }

    /// <summary>Throws unless the limit is null or positive and finite.</summary>
    public static void Validate(double? maxNorm, string name)
    {
        if (maxNorm is { } max)
        {
            OptimizerChecks.RequireRate(max, name);
        }
    }
}
