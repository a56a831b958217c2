using P2PLearn.Learning.Data;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Models;

/// <summary>
/// Softmax regression: one linear layer; 784-10 has 7,850 parameters. Convex, so two correct runs end at the same
/// loss.
/// </summary>
public sealed class LogisticRegression : TorchModel
{
    /// <summary>The name in the registry.</summary>
    public const string RegisteredName = "logistic";

    /// <summary>Creates the model with θ = 0.</summary>
    /// <param name="pixelCount">Inputs; 784 for MNIST.</param>
    /// <param name="classCount">Outputs.</param>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public LogisticRegression(int pixelCount = 784, int classCount = 10)
        : base(RegisteredName, CreateLayout(pixelCount, classCount), ModelInput.Features(pixelCount, classCount))
    {
    }

    /// <summary>The model for images or rows of numbers.</summary>
    /// <exception cref="ArgumentException">The input is text.</exception>
    public static LogisticRegression For(ModelInput input)
    {
        ModelRegistry.Require(input, input?.Kind != InputKind.Text, RegisteredName, "images or rows of numbers");
        return new LogisticRegression(input.Count, input.ClassCount);
    }

    private protected override Tensor Forward(TorchScope scope, Tensor inputs, ReadOnlySpan<Tensor> parameters) =>
        TorchOps.Linear(scope, inputs, parameters[0], parameters[1]); // [batch, classes]

    private static ModelLayout CreateLayout(int pixelCount, int classCount) => new(
    [
        new ParameterShape("fc.weight", [classCount, pixelCount]),
        new ParameterShape("fc.bias", [classCount]),
    ]);
}
