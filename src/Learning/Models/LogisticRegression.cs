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
        : base(RegisteredName, CreateLayout(pixelCount, classCount), TensorShape.Of(1, pixelCount), classCount)
    {
    }

    private protected override Tensor Forward(TorchScope scope, Tensor images, ReadOnlySpan<Tensor> parameters) =>
        TorchOps.Linear(scope, images, parameters[0], parameters[1]); // [batch, classes]

    private static ModelLayout CreateLayout(int pixelCount, int classCount) => new(
    [
        new ParameterShape("fc.weight", [classCount, pixelCount]),
        new ParameterShape("fc.bias", [classCount]),
    ]);
}
