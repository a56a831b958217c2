using P2PLearn.Learning;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.PluginModel;

/// <summary>
/// A model of one's own, in plain C# and with its gradient by hand: one hidden layer of 32 tanh units, then softmax.
/// </summary>
/// <remarks>
/// What any model has to do: name its parameters in a layout, keep them and the gradient as flat vectors in the order of that layout, and
/// fill the gradient for a batch. Whether it does so by hand, in a framework or on a graphics card is its own affair. Used by one thread at
/// a time.
/// </remarks>
public sealed class HandwrittenNet : ITrainableModel
{
    /// <summary>The name that <c>--model</c> takes.</summary>
    public const string RegisteredName = "handwritten";

    private const int Hidden = 32;

    private readonly int _inputs;
    private readonly int _classes;
    private readonly float[] _theta;
    private readonly float[] _gradient;
    private readonly float[] _hidden = new float[Hidden];
    private readonly float[] _hiddenError = new float[Hidden];
    private readonly float[] _logits;

    private HandwrittenNet(ModelInput input)
    {
        (_inputs, _classes) = (input.Count, input.ClassCount);
        Layout = new ModelLayout(
        [
            new ParameterShape("fc1.weight", [Hidden, _inputs]),
            new ParameterShape("fc1.bias", [Hidden]),
            new ParameterShape("fc2.weight", [_classes, Hidden]),
            new ParameterShape("fc2.bias", [_classes]),
        ]);
        _theta = new float[Layout.ParameterCount];
        _gradient = new float[Layout.ParameterCount];
        _logits = new float[_classes];
    }

    /// <inheritdoc/>
    public string Name => RegisteredName;

    /// <inheritdoc/>
    public ModelLayout Layout { get; }

    /// <inheritdoc/>
    public Span<float> Parameters => _theta;

    /// <inheritdoc/>
    public Span<float> Gradient => _gradient;

    /// <summary>The model for images or rows of numbers.</summary>
    /// <exception cref="ArgumentException">The input is text; one line for the user.</exception>
    public static HandwrittenNet For(ModelInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.TargetCount == 1
            ? new HandwrittenNet(input)
            : throw new ArgumentException($"model '{RegisteredName}' takes images or rows of numbers, not {input}");
    }

    /// <summary>Uniform in ±1/√fan-in; the same bits from the same seed on every machine, because all nodes start from it.</summary>
    /// <inheritdoc/>
    public void Initialize(ulong seed)
    {
        var random = new SeededRandom(seed);
        Array.Clear(_theta);
        Fill(FirstWeights(_theta), 1 / Math.Sqrt(_inputs), random);
        Fill(SecondWeights(_theta), 1 / Math.Sqrt(Hidden), random);
    }

    /// <inheritdoc/>
    public float ComputeGradient(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Array.Clear(_gradient);
        double loss = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            ReadOnlySpan<float> input = batch.Inputs.Slice(i * _inputs, _inputs);
            int label = checked((int)batch.Labels[i]);
            loss += Forward(input, label).Loss;
            Backward(input, label, 1f / batch.Count);
        }

        return (float)(loss / batch.Count);
    }

    /// <inheritdoc/>
    public Evaluation Evaluate(LabelledExamples data)
    {
        ArgumentNullException.ThrowIfNull(data);
        float[] input = new float[_inputs];
        double loss = 0;
        int correct = 0;
        for (int i = 0; i < data.Count; i++)
        {
            data.CopyInput(i, input);
            (double exampleLoss, bool isCorrect) = Forward(input, data.Labels[i]);
            loss += exampleLoss;
            correct += isCorrect ? 1 : 0;
        }

        return new Evaluation(loss / data.Count, (double)correct / data.Count, data.Count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static void Fill(Span<float> weights, double bound, SeededRandom random)
    {
        foreach (ref float weight in weights)
        {
            weight = (float)(((2 * random.NextDouble()) - 1) * bound);
        }
    }

    // Where each parameter lies within θ and within the gradient: the order of the layout.
    private Span<float> FirstWeights(float[] vector) => vector.AsSpan(0, Hidden * _inputs);

    private Span<float> FirstBias(float[] vector) => vector.AsSpan(Hidden * _inputs, Hidden);

    private Span<float> SecondWeights(float[] vector) => vector.AsSpan(Hidden * (_inputs + 1), _classes * Hidden);

    private Span<float> SecondBias(float[] vector) => vector.AsSpan((Hidden * (_inputs + 1)) + (_classes * Hidden), _classes);

    // Leaves the hidden units and the probabilities of the classes behind, for the way back.
    private (double Loss, bool IsCorrect) Forward(ReadOnlySpan<float> input, int label)
    {
        for (int h = 0; h < Hidden; h++)
        {
            _hidden[h] = MathF.Tanh(FirstBias(_theta)[h] + Dot(FirstWeights(_theta).Slice(h * _inputs, _inputs), input));
        }

        int best = 0;
        for (int c = 0; c < _classes; c++)
        {
            _logits[c] = SecondBias(_theta)[c] + Dot(SecondWeights(_theta).Slice(c * Hidden, Hidden), _hidden);
            best = _logits[c] > _logits[best] ? c : best;
        }

        double max = _logits[best];
        double sum = 0;
        foreach (float logit in _logits)
        {
            sum += Math.Exp(logit - max);
        }

        double loss = Math.Log(sum) + max - _logits[label];
        for (int c = 0; c < _classes; c++)
        {
            _logits[c] = (float)(Math.Exp(_logits[c] - max) / sum);
        }

        return (loss, best == label);
    }

    // ∂loss/∂logit = probability − [class is the label]; from there by the chain rule.
    private void Backward(ReadOnlySpan<float> input, int label, float weight)
    {
        Array.Clear(_hiddenError);
        for (int c = 0; c < _classes; c++)
        {
            float error = weight * (_logits[c] - (c == label ? 1 : 0));
            SecondBias(_gradient)[c] += error;
            AddScaled(SecondWeights(_gradient).Slice(c * Hidden, Hidden), error, _hidden);
            AddScaled(_hiddenError, error, SecondWeights(_theta).Slice(c * Hidden, Hidden));
        }

        for (int h = 0; h < Hidden; h++)
        {
            float error = _hiddenError[h] * (1 - (_hidden[h] * _hidden[h])); // tanh' = 1 − tanh²
            FirstBias(_gradient)[h] += error;
            AddScaled(FirstWeights(_gradient).Slice(h * _inputs, _inputs), error, input);
        }
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddScaled(Span<float> sum, float factor, ReadOnlySpan<float> vector)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += factor * vector[i];
        }
    }
}
