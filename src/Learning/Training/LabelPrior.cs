using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Training;

/// <summary>Logit adjustment: a node with few images of a class is not taught that the class is rare.</summary>
/// <remarks>
/// Source: Menon et al., ICLR 2021 (arXiv:2007.07314), equation 10; for nodes with different labels Zhang et al., ICML 2022 (arXiv:2209.00189), FedLC. The loss is
/// the cross-entropy of z_c + τ·log π_c, π the node's own class frequencies, while the model that is mixed and measured is z. What differs between the
/// nodes is then what their images show and not how many they have of each class, so honest models lie closer together and there is less room to hide in.
/// π_c counts as at least <see cref="Floor"/>: a class that a node has no image of is left nearly alone. The offset goes through the bias of the class scores, the
/// last parameter of every classifier here; a model whose last parameter is not one number for each class trains without it.
/// </remarks>
internal sealed class LabelPrior
{
    /// <summary>Least frequency that a class counts with.</summary>
    public const double Floor = 1e-3;

    private readonly float[] _offsets;
    private readonly float[] _saved;

    private LabelPrior(float[] offsets)
    {
        _offsets = offsets;
        _saved = new float[offsets.Length];
    }

    /// <summary>The adjustment for a share; null where there is nothing to adjust.</summary>
    /// <param name="layout">The model's.</param>
    /// <param name="data">The data set.</param>
    /// <param name="share">Indices of the node's images.</param>
    /// <param name="options">Strength, and whether labels are flipped.</param>
    public static LabelPrior? Create(ModelLayout layout, LabelledExamples data, ReadOnlySpan<int> share, LocalTrainerOptions options)
    {
        if (options.LabelPrior == 0 || data.Input.TargetCount != 1 || layout.Parameters[^1].Shape is not [var size] || size != data.ClassCount)
        {
            return null;
        }

        int[] counts = new int[data.ClassCount];
        foreach (int index in share)
        {
            int label = data.Labels[index];
            counts[options.FlipLabels ? data.ClassCount - 1 - label : label]++;
        }

        int images = share.Length;
        return new LabelPrior([.. counts.Select(count => (float)(options.LabelPrior * Math.Log(Math.Max((double)count / images, Floor))))]);
    }

    /// <summary>The gradient of the adjusted loss; θ is as before afterwards, to the bit.</summary>
    /// <returns>The adjusted loss.</returns>
    public float ComputeGradient(ITrainableModel model, Batch batch)
    {
        Span<float> bias = model.Parameters[^_offsets.Length..];
        bias.CopyTo(_saved);
        for (int c = 0; c < _offsets.Length; c++)
        {
            bias[c] += _offsets[c];
        }

        float loss = model.ComputeGradient(batch);
        _saved.CopyTo(model.Parameters[^_offsets.Length..]);
        return loss;
    }
}
