using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Node.Commands;

/// <summary>One model out of those that several makers have of the same checkpoint.</summary>
internal static class ModelMedian
{
    /// <summary>The coordinate-wise median; of an even number the mean of the two in the middle. Fewer than half of the makers cannot move a
    /// coordinate out of the range of the others.</summary>
    /// <param name="models">One or more of shape [d].</param>
    public static float[] Of(IReadOnlyList<float[]> models)
    {
        if (models.Count == 1)
        {
            return models[0];
        }

        float[] median = new float[models[0].Length];
        var rule = new TrimmedMean((models.Count - 1) / 2);
        rule.TryAggregate(models[0], [.. models.Select(m => (ReadOnlyMemory<float>)m)], median, null);
        return median;
    }
}
