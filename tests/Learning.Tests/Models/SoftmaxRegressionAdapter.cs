using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

/// <summary>
/// A sample of how any framework's model is plugged in: softmax regression in plain C#, its gradient by hand. The
/// three things an adapter does are to name its parameters in a layout, to keep them and the gradient as flat
/// vectors, and to fill the gradient for a batch.
/// </summary>
internal sealed class SoftmaxRegressionAdapter(int pixelCount, int classCount) : ITrainableModel
{
    private readonly float[] _theta = new float[(pixelCount + 1) * classCount]; // W [classes, pixels], then b [classes]
    private readonly float[] _gradient = new float[(pixelCount + 1) * classCount];

    public string Name => "softmax-regression";

    public ModelLayout Layout { get; } = new(
        [new ParameterShape("fc.weight", [classCount, pixelCount]), new ParameterShape("fc.bias", [classCount])]);

    public Span<float> Parameters => _theta;

    public Span<float> Gradient => _gradient;

    public void Initialize(ulong seed) => Array.Clear(_theta); // convex: any start will do

    public float ComputeGradient(Batch batch)
    {
        double[] gradient = new double[_gradient.Length];
        double loss = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            ReadOnlySpan<float> x = batch.Inputs.Slice(i * pixelCount, pixelCount);
            double[] p = Softmax(x);
            loss -= Math.Log(p[batch.Labels[i]]) / batch.Count;
            for (int c = 0; c < classCount; c++)
            {
                double error = (p[c] - (c == batch.Labels[i] ? 1 : 0)) / batch.Count; // ∂loss/∂logit
                for (int j = 0; j < pixelCount; j++)
                {
                    gradient[(c * pixelCount) + j] += error * x[j];
                }

                gradient[(classCount * pixelCount) + c] += error;
            }
        }

        for (int j = 0; j < gradient.Length; j++)
        {
            _gradient[j] = (float)gradient[j];
        }

        return (float)loss;
    }

    public Evaluation Evaluate(LabelledExamples data)
    {
        var batch = new Batch(1, pixelCount);
        double loss = 0;
        int correct = 0;
        for (int i = 0; i < data.Count; i++)
        {
            batch.FillRange(data, i, 1);
            double[] p = Softmax(batch.Inputs);
            loss -= Math.Log(p[data.Labels[i]]);
            correct += Array.IndexOf(p, p.Max()) == data.Labels[i] ? 1 : 0;
        }

        return new Evaluation(loss / data.Count, (double)correct / data.Count, data.Count);
    }

    public void Dispose()
    {
    }

    private double[] Softmax(ReadOnlySpan<float> x)
    {
        double[] logits = new double[classCount];
        for (int c = 0; c < classCount; c++)
        {
            logits[c] = _theta[(classCount * pixelCount) + c];
            for (int j = 0; j < pixelCount; j++)
            {
                logits[c] += (double)_theta[(c * pixelCount) + j] * x[j];
            }
        }

        double max = logits.Max();
        double sum = logits.Sum(z => Math.Exp(z - max));
        return [.. logits.Select(z => Math.Exp(z - max) / sum)];
    }
}
