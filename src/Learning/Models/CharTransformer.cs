using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Models;

/// <summary>
/// A character-level transformer: two layers, 64 wide, four heads; 116,576 parameters for blocks of 64 characters out of 96.
/// </summary>
/// <remarks>
/// Source: Vaswani et al. 2017 (arXiv:1706.03762), the decoder without a second input, with learned positions, SiLU, and the normalisation
/// before each part (Xiong et al. 2020, arXiv:2002.04745), which trains without a long warm-up. No dropout: the same seed gives the same bits.
/// Input and output embeddings are not tied.
/// </remarks>
public sealed class CharTransformer : TorchModel
{
    /// <summary>The name in the registry.</summary>
    public const string RegisteredName = "char-transformer";

    private const int ParametersOfLayer = 12;

    private readonly int _layers;
    private readonly int _heads;
    private long[] _positions = [];

    internal CharTransformer(ModelInput input, int width, int layers, int heads)
        : base(RegisteredName, CreateLayout(input, width, layers), input) => (_layers, _heads) = (layers, heads);

    /// <summary>Blocks of 64 characters of <see cref="Vocabulary.Ascii"/>.</summary>
    public static ModelInput DefaultInput { get; } = ModelInput.Text(64, Vocabulary.Ascii.Count);

    /// <summary>The model for blocks of this length and vocabulary.</summary>
    /// <exception cref="ArgumentException">The input is no text.</exception>
    /// <exception cref="TorchUnavailableException">libtorch cannot be used here.</exception>
    public static CharTransformer For(ModelInput input)
    {
        ModelRegistry.Require(input, input?.Kind == InputKind.Text, RegisteredName, "text");
        return new CharTransformer(input, width: 64, layers: 2, heads: 4);
    }

    private protected override Tensor Forward(TorchScope scope, Tensor inputs, ReadOnlySpan<Tensor> parameters)
    {
        Tensor characters = TorchLayers.Embedding(scope, parameters[0], inputs); // [batch·length, width]
        Tensor places = TorchLayers.Embedding(scope, parameters[1], Positions(scope, inputs.Shape[0]));
        Tensor x = TorchLayers.Add(scope, characters, places);
        for (int layer = 0; layer < _layers; layer++)
        {
            x = Layer(scope, x, parameters.Slice(2 + (layer * ParametersOfLayer), ParametersOfLayer));
        }

        ReadOnlySpan<Tensor> end = parameters[^4..];
        x = TorchLayers.LayerNorm(scope, x, end[0], end[1]);
        return TorchOps.Linear(scope, x, end[2], end[3]); // [batch·length, vocabulary]
    }

    private static ModelLayout CreateLayout(ModelInput input, int width, int layers)
    {
        List<ParameterShape> parameters =
        [
            new ParameterShape("characters.weight", [input.ClassCount, width]),
            new ParameterShape("positions.weight", [input.Count, width]),
        ];
        for (int i = 1; i <= layers; i++)
        {
            parameters.AddRange(Pair($"layer{i}.norm1", width));
            parameters.AddRange(Pair($"layer{i}.attention", 3 * width, width));
            parameters.AddRange(Pair($"layer{i}.projection", width, width));
            parameters.AddRange(Pair($"layer{i}.norm2", width));
            parameters.AddRange(Pair($"layer{i}.fc1", 4 * width, width));
            parameters.AddRange(Pair($"layer{i}.fc2", width, 4 * width));
        }

        parameters.AddRange(Pair("norm", width));
        parameters.AddRange(Pair("fc", input.ClassCount, width));
        return new ModelLayout(parameters);
    }

    private static ParameterShape[] Pair(string name, params int[] weight) =>
        [new ParameterShape($"{name}.weight", weight), new ParameterShape($"{name}.bias", [weight[0]])];

    private Tensor Layer(TorchScope scope, Tensor input, ReadOnlySpan<Tensor> p)
    {
        Tensor x = TorchLayers.LayerNorm(scope, input, p[0], p[1]); // [batch·length, width], as all below
        x = TorchOps.Linear(scope, x, p[2], p[3]); // [batch·length, 3·width]
        x = TorchLayers.CausalAttention(scope, x, Input.Count, _heads);
        Tensor attended = TorchLayers.Add(scope, input, TorchOps.Linear(scope, x, p[4], p[5]));
        x = TorchLayers.LayerNorm(scope, attended, p[6], p[7]);
        x = TorchLayers.Silu(scope, TorchOps.Linear(scope, x, p[8], p[9])); // [batch·length, 4·width]
        return TorchLayers.Add(scope, attended, TorchOps.Linear(scope, x, p[10], p[11]));
    }

    // 0 … length − 1, again for each block of the batch.
    private unsafe Tensor Positions(TorchScope scope, int count)
    {
        if (_positions.Length < count)
        {
            _positions = GC.AllocateUninitializedArray<long>(count, pinned: true);
            for (int i = 0; i < count; i++)
            {
                _positions[i] = i % Input.Count;
            }
        }

        void* memory = Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_positions));
        return scope.Over(memory, TensorShape.Of(count), TensorType.Int64);
    }
}
