using P2PLearn.Learning.Data;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Models;

/// <summary>
/// The convolutional network of MoNNA's MNIST experiment: conv 5×5×20, pool, conv 5×5×50, pool, fc 800-500, fc
/// 500-10.
/// </summary>
/// <remarks>
/// Source: Farhadkhani et al., ICML 2023 (arXiv:2209.10931), experiments on MNIST; 431,080 parameters. ReLU comes
/// after the pool, not before it: the two commute, in the gradient too, and there is a quarter of the values left to
/// look at.
/// </remarks>
public sealed class Cnn : TorchModel
{
    /// <summary>The name in the registry.</summary>
    public const string RegisteredName = "cnn";

    private const int Kernel = 5;
    private const int Pool = 2;

    private const int MinSide = 16; // two kernels and pools leave one pixel

    /// <summary>Creates the model for images of 28×28 and ten classes, with θ = 0.</summary>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public Cnn()
        : this(ModelInput.Mnist, channels1: 20, channels2: 50, hiddenCount: 500)
    {
    }

    internal Cnn(ModelInput input, int channels1, int channels2, int hiddenCount)
        : base(RegisteredName, CreateLayout(input, channels1, channels2, hiddenCount), input)
    {
    }

    internal Cnn(int side, int channels1, int channels2, int hiddenCount, int classCount)
        : this(ModelInput.Image(1, side, side, classCount), channels1, channels2, hiddenCount)
    {
    }

    /// <summary>The model for images of another size, number of channels or of classes.</summary>
    /// <exception cref="ArgumentException">The input is no images, or smaller than 16×16.</exception>
    public static Cnn For(ModelInput input)
    {
        bool fits = input is { Kind: InputKind.Image, Height: >= MinSide, Width: >= MinSide };
        ModelRegistry.Require(input, fits, RegisteredName, $"images of at least {MinSide}×{MinSide}");
        return new Cnn(input, channels1: 20, channels2: 50, hiddenCount: 500);
    }

    private protected override Tensor Forward(TorchScope scope, Tensor inputs, ReadOnlySpan<Tensor> parameters)
    {
        Tensor first = Block(scope, inputs, parameters[0], parameters[1]); // [batch, 20, 12, 12]
        Tensor second = Block(scope, first, parameters[2], parameters[3]); // [batch, 50, 4, 4]
        Tensor flat = TorchOps.Flatten(scope, second); // [batch, 800]
        Tensor linear = TorchOps.Linear(scope, flat, parameters[4], parameters[5]); // [batch, 500]
        Tensor hidden = TorchOps.Relu(scope, linear); // [batch, 500]
        return TorchOps.Linear(scope, hidden, parameters[6], parameters[7]); // [batch, classes]
    }

    private static Tensor Block(TorchScope scope, Tensor input, Tensor weight, Tensor bias) =>
        TorchOps.Relu(scope, TorchOps.MaxPool2d(scope, TorchOps.Conv2d(scope, input, weight, bias), Pool));

    private static ModelLayout CreateLayout(ModelInput input, int channels1, int channels2, int hiddenCount)
    {
        int left = Shrunk(Shrunk(input.Height)) * Shrunk(Shrunk(input.Width));
        return new ModelLayout(
        [
            new ParameterShape("conv1.weight", [channels1, input.Channels, Kernel, Kernel]),
            new ParameterShape("conv1.bias", [channels1]),
            new ParameterShape("conv2.weight", [channels2, channels1, Kernel, Kernel]),
            new ParameterShape("conv2.bias", [channels2]),
            new ParameterShape("fc1.weight", [hiddenCount, channels2 * left]),
            new ParameterShape("fc1.bias", [hiddenCount]),
            new ParameterShape("fc2.weight", [input.ClassCount, hiddenCount]),
            new ParameterShape("fc2.bias", [input.ClassCount]),
        ]);
    }

    private static int Shrunk(int side) => (side - Kernel + 1) / Pool;
}
