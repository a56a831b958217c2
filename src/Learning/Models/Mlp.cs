using P2PLearn.Learning.Data;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Models;

/// <summary>One hidden layer with ReLU; 784-100-10 has 79,510 parameters.</summary>
public sealed class Mlp : TorchModel
{
    /// <summary>The name in the registry.</summary>
    public const string RegisteredName = "mlp";

    /// <summary>Creates the model with θ = 0.</summary>
    /// <param name="pixelCount">Inputs; 784 for MNIST.</param>
    /// <param name="hiddenCount">Width of the hidden layer.</param>
    /// <param name="classCount">Outputs.</param>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public Mlp(int pixelCount = 784, int hiddenCount = 100, int classCount = 10)
        : base(
            RegisteredName,
            CreateLayout(pixelCount, hiddenCount, classCount),
            ModelInput.Features(pixelCount, classCount))
    {
    }

    /// <summary>The model for images or rows of numbers, 100 wide.</summary>
    /// <exception cref="ArgumentException">The input is text.</exception>
    public static Mlp For(ModelInput input)
    {
        ModelRegistry.Require(input, input?.Kind != InputKind.Text, RegisteredName, "images or rows of numbers");
        return new Mlp(input.Count, classCount: input.ClassCount);
    }

    private protected override Tensor Forward(TorchScope scope, Tensor inputs, ReadOnlySpan<Tensor> parameters)
    {
        Tensor linear = TorchOps.Linear(scope, inputs, parameters[0], parameters[1]); // [batch, hidden]
        Tensor hidden = TorchOps.Relu(scope, linear); // [batch, hidden]
        return TorchOps.Linear(scope, hidden, parameters[2], parameters[3]); // [batch, classes]
    }

    private static ModelLayout CreateLayout(int pixelCount, int hiddenCount, int classCount) => new(
    [
        new ParameterShape("fc1.weight", [hiddenCount, pixelCount]),
        new ParameterShape("fc1.bias", [hiddenCount]),
        new ParameterShape("fc2.weight", [classCount, hiddenCount]),
        new ParameterShape("fc2.bias", [classCount]),
    ]);
}
