using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Tests.Torch;

/// <summary>The operators of attention and residual networks against their formulas in double.</summary>
public sealed class TorchLayersTests : IDisposable
{
    private readonly List<FloatBlock> _blocks = [];
    private readonly TorchScope _scope = new();

    public TorchLayersTests() => TorchLibrary.EnsureLoaded();

    public void Dispose()
    {
        _scope.Dispose();
        _blocks.ForEach(block => block.Dispose());
    }

    [Fact]
    public void Addition_adds()
    {
        float[] sum = TorchOps.Read(TorchLayers.Add(_scope, Floats([1, 2, 3, 4], 2, 2), Floats([10, 20, 30, 40.5f], 2, 2))).ToArray();

        Assert.Equal([11, 22, 33, 44.5f], sum);
        Refused("add does not take Float32 [2, 2], Float32 [4]", () => TorchLayers.Add(_scope, Floats(2, 2), Floats(4)));
    }

    [Fact]
    public void Silu_is_x_times_the_logistic_function()
    {
        float[] y = TorchOps.Read(TorchLayers.Silu(_scope, Floats([-1, 0, 1, 2], 4))).ToArray();

        Assert.Equal([-0.268941f, 0, 0.731059f, 1.761594f], y, (a, b) => Math.Abs(a - b) < 1e-5);
        Refused("silu does not take Int64 [3]", () => TorchLayers.Silu(_scope, Integers([1, 2, 3])));
    }

    [Fact]
    public void An_embedding_gives_rows()
    {
        float[] rows = TorchOps.Read(TorchLayers.Embedding(_scope, Floats([1, 2, 3, 4, 5, 6], 3, 2), Integers([2, 0, 2]))).ToArray();

        Assert.Equal([5, 6, 1, 2, 5, 6], rows);
        Refused("embedding does not take Float32 [3, 2], Float32 [3]", () => TorchLayers.Embedding(_scope, Floats(3, 2), Floats(3)));
    }

    [Fact]
    public void Layer_norm_is_its_formula()
    {
        float[] x = Noise(3 * 8, 1);
        float[] weight = Noise(8, 2);
        float[] bias = Noise(8, 3);

        float[] y = TorchOps.Read(TorchLayers.LayerNorm(_scope, Floats(x, 3, 8), Floats(weight, 8), Floats(bias, 8))).ToArray();

        for (int row = 0; row < 3; row++)
        {
            double[] expected = Normalised([.. x.Skip(8 * row).Take(8)]);
            for (int i = 0; i < 8; i++)
            {
                Assert.Equal((expected[i] * weight[i]) + bias[i], y[(8 * row) + i], 1e-5);
            }
        }

        Refused(
            "layer_norm does not take Float32 [3, 8], Float32 [8], Float32 [7]",
            () => TorchLayers.LayerNorm(_scope, Floats(3, 8), Floats(8), Floats(7)));
    }

    [Fact]
    public void Group_norm_is_its_formula()
    {
        float[] x = Noise(2 * 4 * 3 * 3, 1);
        float[] weight = Noise(4, 2);
        float[] bias = Noise(4, 3);

        Tensor result = TorchLayers.GroupNorm(_scope, Floats(x, 2, 4, 3, 3), 2, Floats(weight, 4), Floats(bias, 4));

        float[] y = TorchOps.Read(result).ToArray();
        for (int group = 0; group < 4; group++)
        {
            double[] expected = Normalised([.. x.Skip(18 * group).Take(18)]); // two channels of 3×3
            for (int i = 0; i < 18; i++)
            {
                int channel = ((2 * group) + (i / 9)) % 4;
                Assert.Equal((expected[i] * weight[channel]) + bias[channel], y[(18 * group) + i], 1e-5);
            }
        }

        Refused(
            "group_norm does not take Float32 [2, 4, 3, 3], Float32 [4], Float32 [4]",
            () => TorchLayers.GroupNorm(_scope, Floats(2, 4, 3, 3), 3, Floats(4), Floats(4)));
    }

    [Fact]
    public void Channel_means_are_means()
    {
        float[] means = TorchOps.Read(TorchLayers.ChannelMeans(_scope, Floats([1, 2, 3, 6, 10, 20, 30, 40], 1, 2, 2, 2))).ToArray();

        Assert.Equal([3, 25], means);
        Refused("adaptive_avg_pool2d does not take Float32 [2, 3]", () => TorchLayers.ChannelMeans(_scope, Floats(2, 3)));
    }

    [Fact]
    public void A_convolution_with_stride_and_padding_is_its_formula()
    {
        float[] x = Noise(5 * 5, 1);
        float[] w = Noise(3 * 3, 2);

        Tensor result = TorchOps.Conv2d(_scope, Floats(x, 1, 1, 5, 5), Floats(w, 1, 1, 3, 3), bias: null, stride: 2, padding: 1);

        Assert.Equal(TensorShape.Of(1, 1, 3, 3), result.Shape);
        float[] y = TorchOps.Read(result).ToArray();
        for (int i = 0; i < 9; i++)
        {
            double expected = 0;
            for (int k = 0; k < 9; k++)
            {
                (int row, int column) = ((2 * (i / 3)) + (k / 3) - 1, (2 * (i % 3)) + (k % 3) - 1);
                expected += row is >= 0 and < 5 && column is >= 0 and < 5 ? w[k] * x[(5 * row) + column] : 0;
            }

            Assert.Equal(expected, y[i], 1e-5);
        }
    }

    [Fact]
    public void Attention_is_its_formula()
    {
        const int Batch = 2, Length = 5, Heads = 2, Width = 6, Depth = Width / Heads;
        float[] x = Noise(Batch * Length * 3 * Width, 1);

        Tensor result = TorchLayers.CausalAttention(_scope, Floats(x, Batch * Length, 3 * Width), Length, Heads);

        float[] y = TorchOps.Read(result).ToArray();
        double At(int block, int place, int part, int head, int i) =>
            x[((((block * Length) + place) * 3) + part) * Width + (head * Depth) + i];
        for (int n = 0; n < y.Length; n++)
        {
            (int block, int place, int head, int i) = (n / Width / Length, n / Width % Length, n % Width / Depth, n % Depth);
            double[] scores = [.. Enumerable.Range(0, place + 1).Select(other => Math.Exp(
                Enumerable.Range(0, Depth).Sum(j => At(block, place, 0, head, j) * At(block, other, 1, head, j)) / Math.Sqrt(Depth)))];
            double expected = scores.Select((score, other) => score * At(block, other, 2, head, i)).Sum() / scores.Sum();
            Assert.Equal(expected, y[n], 1e-5);
        }

        Refused(
            "scaled_dot_product_attention does not take Float32 [9, 18]",
            () => TorchLayers.CausalAttention(_scope, Floats(9, 18), Length, Heads));
    }

    private static double[] Normalised(float[] values)
    {
        double mean = values.Average(v => (double)v);
        double variance = values.Average(v => (v - mean) * (v - mean));
        return [.. values.Select(v => (v - mean) / Math.Sqrt(variance + TorchLayers.Epsilon))];
    }

    private static float[] Noise(int count, ulong seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
    }

    private static void Refused(string message, Func<Tensor> operation) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => operation().Handle).Message);

    private Tensor Floats(params int[] sizes) => Floats(new float[sizes.Aggregate(1, (a, b) => a * b)], sizes);

    private unsafe Tensor Floats(float[] values, params int[] sizes)
    {
        var block = new FloatBlock(values.Length);
        _blocks.Add(block);
        values.CopyTo(block.Span);
        return _scope.Over(block.Pointer, TensorShape.Of(sizes), TensorType.Float32);
    }

    private unsafe Tensor Integers(long[] values)
    {
        var block = new FloatBlock(2 * values.Length);
        _blocks.Add(block);
        values.CopyTo(new Span<long>(block.Pointer, values.Length));
        return _scope.Over(block.Pointer, TensorShape.Of(values.Length), TensorType.Int64);
    }
}
