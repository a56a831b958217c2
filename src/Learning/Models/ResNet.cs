using P2PLearn.Learning.Data;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Models;

/// <summary>
/// A small residual network: conv 3×3×16, then three blocks of two 3×3 convolutions with 16, 32 and 96 channels, the last two at half the
/// size each, channel means, linear. 134,586 parameters for MNIST.
/// </summary>
/// <remarks>
/// Source: He et al., CVPR 2016 (arXiv:1512.03385), figure 2 and section 4.2; a projection (1×1 convolution) where the shape changes. Deviation:
/// group normalisation (Wu and He 2018, arXiv:1803.08494) in place of batch normalisation. Running batch statistics are no parameters: each node
/// would have its own, measured on its own classes, and the mean of the models would be evaluated with statistics that belong to none of
/// them; and a batch of 25 is too small for them.
/// </remarks>
public sealed class ResNet : TorchModel
{
    /// <summary>The name in the registry.</summary>
    public const string RegisteredName = "resnet";

    private const int Groups = 8;
    private const int MinSide = 8; // two halvings leave 2×2

    private readonly int[] _widths;

    internal ResNet(ModelInput input, int[] widths)
        : base(RegisteredName, CreateLayout(input, widths), input) => _widths = widths;

    /// <summary>The model for images of this size, number of channels and of classes.</summary>
    /// <exception cref="ArgumentException">The input is no images, or smaller than 8×8.</exception>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public static ResNet For(ModelInput input)
    {
        bool fits = input is { Kind: InputKind.Image, Height: >= MinSide, Width: >= MinSide };
        ModelRegistry.Require(input, fits, RegisteredName, $"images of at least {MinSide}×{MinSide}");
        return new ResNet(input, [16, 32, 96]);
    }

    private protected override Tensor Forward(TorchScope scope, Tensor inputs, ReadOnlySpan<Tensor> parameters)
    {
        Tensor x = ConvolveAndNormalise(scope, inputs, ref parameters, stride: 1);
        x = TorchOps.Relu(scope, x); // [batch, width 0, h, w]
        for (int i = 0; i < _widths.Length; i++)
        {
            x = Block(scope, x, ref parameters, stride: i == 0 ? 1 : 2, projects: i > 0); // [batch, width i, …]
        }

        return TorchOps.Linear(scope, TorchLayers.ChannelMeans(scope, x), parameters[0], parameters[1]); // [batch, classes]
    }

    private static Tensor Block(TorchScope scope, Tensor input, ref ReadOnlySpan<Tensor> parameters, int stride, bool projects)
    {
        Tensor x = TorchOps.Relu(scope, ConvolveAndNormalise(scope, input, ref parameters, stride));
        x = ConvolveAndNormalise(scope, x, ref parameters, stride: 1);
        Tensor shortcut = projects ? ConvolveAndNormalise(scope, input, ref parameters, stride) : input;
        return TorchOps.Relu(scope, TorchLayers.Add(scope, x, shortcut));
    }

    // Takes its three parameters off the front; the padding keeps the size, and the kernel is of one pixel for a projection.
    private static Tensor ConvolveAndNormalise(TorchScope scope, Tensor input, ref ReadOnlySpan<Tensor> parameters, int stride)
    {
        Tensor x = TorchOps.Conv2d(scope, input, parameters[0], bias: null, stride, padding: parameters[0].Shape[2] / 2);
        x = TorchLayers.GroupNorm(scope, x, Groups, parameters[1], parameters[2]);
        parameters = parameters[3..];
        return x;
    }

    private static ModelLayout CreateLayout(ModelInput input, int[] widths)
    {
        List<ParameterShape> parameters = [.. Convolution("stem", input.Channels, widths[0], kernel: 3)];
        for (int i = 0; i < widths.Length; i++)
        {
            int before = i == 0 ? widths[0] : widths[i - 1];
            parameters.AddRange(Convolution($"block{i + 1}.conv1", before, widths[i], kernel: 3));
            parameters.AddRange(Convolution($"block{i + 1}.conv2", widths[i], widths[i], kernel: 3));
            if (i > 0)
            {
                parameters.AddRange(Convolution($"block{i + 1}.shortcut", before, widths[i], kernel: 1));
            }
        }

        parameters.Add(new ParameterShape("fc.weight", [input.ClassCount, widths[^1]]));
        parameters.Add(new ParameterShape("fc.bias", [input.ClassCount]));
        return new ModelLayout(parameters);
    }

    private static ParameterShape[] Convolution(string name, int from, int to, int kernel) =>
    [
        new ParameterShape($"{name}.weight", [to, from, kernel, kernel]),
        new ParameterShape($"{name}.norm.weight", [to]),
        new ParameterShape($"{name}.norm.bias", [to]),
    ];
}
