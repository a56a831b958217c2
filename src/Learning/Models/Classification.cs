using System.Numerics.Tensors;

namespace P2PLearn.Learning.Models;

/// <summary>How good a classifier's outputs are, computed in double.</summary>
internal static class Classification
{
    /// <summary>
    /// Sum of the cross-entropies, and how many rows have their largest logit at the label (of equal ones the first
    /// counts).
    /// </summary>
    /// <param name="logits">Shape [batch, classes]; a row with NaN counts as wrong and makes the loss NaN.</param>
    /// <param name="labels">Shape [batch], each in [0, classes).</param>
    /// <param name="classCount">Classes.</param>
    public static (double Loss, int Correct) Score(
        ReadOnlySpan<float> logits, ReadOnlySpan<long> labels, int classCount)
    {
        double loss = 0;
        int correct = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<float> row = logits.Slice(i * classCount, classCount);
            float own = row[(int)labels[i]];
            float max = TensorPrimitives.Max(row); // NaN when one is
            double sum = 0;
            foreach (float logit in row)
            {
                sum += Math.Exp(logit - max);
            }

            loss += Math.Log(sum) + max - own;
            correct += row.IndexOf(max) == labels[i] && own == max ? 1 : 0; // span search finds NaN, == does not
        }

        return (loss, correct);
    }
}
