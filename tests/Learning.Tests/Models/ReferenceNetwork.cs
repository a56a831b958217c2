using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

/// <summary>
/// The dumb version of the models' loss: nested loops in double. So finite differences are exact to some nine digits,
/// and almost never meet a kink of ReLU or of the pool.
/// </summary>
internal static class ReferenceNetwork
{
    public static double Loss(ModelLayout layout, double[] theta, Batch batch, int side)
    {
        double loss = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            float[] image = batch.Inputs.Slice(i * batch.InputCount, batch.InputCount).ToArray();
            double[] logits = Forward(layout, theta, [.. image.Select(x => (double)x)], side);
            loss += Math.Log(logits.Sum(Math.Exp)) - logits[batch.Labels[i]];
        }

        return loss / batch.Count;
    }

    private static double[] Forward(ModelLayout layout, double[] theta, double[] x, int side)
    {
        int offset = 0;
        for (int p = 0; p < layout.Parameters.Count; p += 2)
        {
            ParameterShape weight = layout.Parameters[p];
            double[] w = theta[offset..(offset + weight.Count)];
            double[] b = theta[(offset + weight.Count)..(offset + weight.Count + weight.Shape[0])];
            offset += w.Length + b.Length;
            bool isLast = p + 2 == layout.Parameters.Count;
            (x, side) = weight.Shape.Count == 4 ? ConvolveAndPool(x, side, weight.Shape, w, b) : (Linear(x, w, b), side);
            x = isLast ? x : [.. x.Select(v => Math.Max(0, v))];
        }

        return x;
    }

    private static double[] Linear(double[] x, double[] w, double[] b) =>
        [.. b.Select((bias, o) => bias + x.Select((v, j) => v * w[(o * x.Length) + j]).Sum())];

    private static (double[] Output, int Side) ConvolveAndPool(double[] x, int side, IReadOnlyList<int> shape, double[] w, double[] b)
    {
        (int outputs, int inputs, int kernel) = (shape[0], shape[1], shape[2]);
        int wide = side - kernel + 1;
        int half = wide / 2;
        double[] result = new double[outputs * half * half];
        Array.Fill(result, double.NegativeInfinity);
        for (int o = 0; o < outputs; o++)
        {
            for (int pixel = 0; pixel < 4 * half * half; pixel++)
            {
                (int row, int column) = (pixel / (2 * half), pixel % (2 * half));
                double sum = b[o];
                for (int k = 0; k < inputs * kernel * kernel; k++)
                {
                    (int input, int dy, int dx) = (k / (kernel * kernel), k / kernel % kernel, k % kernel);
                    sum += w[(o * inputs * kernel * kernel) + k] * x[(((input * side) + row + dy) * side) + column + dx];
                }

                ref double max = ref result[(((o * half) + (row / 2)) * half) + (column / 2)];
                max = Math.Max(max, sum);
            }
        }

        return (result, half);
    }
}
