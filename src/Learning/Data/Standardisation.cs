namespace P2PLearn.Learning.Data;

/// <summary>Brings each column to mean 0 and deviation 1 over the training rows; a column that never changes becomes 0.</summary>
/// <param name="Means">Shape [features].</param>
/// <param name="Deviations">Shape [features]; positive.</param>
internal sealed record Standardisation(double[] Means, double[] Deviations)
{
    /// <summary>Means and deviations over some rows, in double.</summary>
    public static Standardisation Of(IReadOnlyList<float> values, int featureCount, ReadOnlySpan<int> rows)
    {
        double[] means = new double[featureCount];
        double[] deviations = new double[featureCount];
        foreach (int row in rows)
        {
            for (int c = 0; c < featureCount; c++)
            {
                means[c] += values[(row * featureCount) + c];
            }
        }

        for (int c = 0; c < featureCount; c++)
        {
            means[c] /= rows.Length;
            foreach (int row in rows)
            {
                double difference = values[(row * featureCount) + c] - means[c];
                deviations[c] += difference * difference;
            }

            deviations[c] = Math.Sqrt(deviations[c] / rows.Length);
            deviations[c] = deviations[c] > 0 ? deviations[c] : 1;
        }

        return new Standardisation(means, deviations);
    }

    /// <summary>Some rows, standardised; shape [rows, features].</summary>
    public float[] Apply(IReadOnlyList<float> values, ReadOnlySpan<int> rows)
    {
        float[] result = new float[rows.Length * Means.Length];
        for (int i = 0; i < result.Length; i++)
        {
            int column = i % Means.Length;
            float value = values[(rows[i / Means.Length] * Means.Length) + column];
            result[i] = (float)((value - Means[column]) / Deviations[column]);
        }

        return result;
    }
}
