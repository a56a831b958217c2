using System.Numerics.Tensors;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Exchange;

/// <summary>What a contribution must be before a float of it reaches a mixing rule. Pure.</summary>
public static class ContributionChecks
{
    /// <summary>
    /// Largest Euclidean norm of a model, divided by √d. Trained weights are around 0.05 each; a million of them is no model, and its squares
    /// would leave the range of a float.
    /// </summary>
    public const float MaxRootMeanSquare = 1e6f;

    /// <summary>Checks what the contribution says of itself.</summary>
    /// <param name="contribution">Decoded; its signature is checked elsewhere.</param>
    /// <param name="run">The run of this node.</param>
    /// <param name="layout">Its layout hash.</param>
    /// <param name="codec">How models of the run travel.</param>
    /// <param name="modelBytes">Bytes that they have then.</param>
    /// <returns>The check that failed, or null.</returns>
    public static string? FindFault(Contribution contribution, RunId run, Hash256 layout, ModelCodec codec, int modelBytes)
    {
        ArgumentNullException.ThrowIfNull(contribution);
        return contribution.Run != run ? "run"
            : contribution.LayoutHash != layout ? "layout"
            : contribution.Codec != codec || contribution.Base is not null ? "codec"
            : contribution.ModelBytes != (ulong)modelBytes ? "length"
            : null;
    }

    /// <summary>Checks the model itself.</summary>
    /// <param name="model">Shape [d].</param>
    /// <returns>The check that failed (<c>finite</c> or <c>norm</c>), or null.</returns>
    public static string? FindFault(ReadOnlySpan<float> model)
    {
        float norm = TensorPrimitives.Norm(model); // NaN and ∞ both show in the norm
        return float.IsFinite(norm)
            ? norm > MaxRootMeanSquare * MathF.Sqrt(model.Length) ? "norm" : null
            : model.ContainsAnyExceptInRange(float.MinValue, float.MaxValue) ? "finite" : "norm";
    }
}
