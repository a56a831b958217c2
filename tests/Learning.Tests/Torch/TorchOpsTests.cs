using P2PLearn.Learning.Models;
using P2PLearn.Learning.Torch;

namespace P2PLearn.Learning.Tests.Torch;

/// <summary>Shapes are refused in C#, with the operator and what it was given, before libtorch sees them.</summary>
public sealed class TorchOpsTests : IDisposable
{
    private readonly FloatBlock _memory = new(4096);
    private readonly TorchScope _scope = new();

    public TorchOpsTests() => TorchLibrary.EnsureLoaded();

    public void Dispose()
    {
        _scope.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Linear_refuses_an_input_of_another_width() => Refused(
        "linear does not take Float32 [25, 7], Float32 [10, 8], Float32 [10]",
        () => TorchOps.Linear(_scope, Floats(25, 7), Floats(10, 8), Floats(10)));

    [Fact]
    public void Linear_refuses_a_bias_of_another_length() => Refused(
        "linear does not take Float32 [25, 8], Float32 [10, 8], Float32 [9]",
        () => TorchOps.Linear(_scope, Floats(25, 8), Floats(10, 8), Floats(9)));

    [Fact]
    public void Linear_refuses_integers() => Refused(
        "linear does not take Int64 [2, 8], Float32 [10, 8], Float32 [10]",
        () => TorchOps.Linear(_scope, Over(TensorShape.Of(2, 8), TensorType.Int64), Floats(10, 8), Floats(10)));

    [Fact]
    public void Conv2d_refuses_other_channels() => Refused(
        "conv2d does not take Float32 [2, 3, 6, 6], Float32 [4, 1, 5, 5], Float32 [4]",
        () => TorchOps.Conv2d(_scope, Floats(2, 3, 6, 6), Floats(4, 1, 5, 5), Floats(4)));

    [Fact]
    public void Conv2d_refuses_a_kernel_larger_than_the_image() => Refused(
        "conv2d does not take Float32 [2, 1, 4, 6], Float32 [4, 1, 5, 5], Float32 [4]",
        () => TorchOps.Conv2d(_scope, Floats(2, 1, 4, 6), Floats(4, 1, 5, 5), Floats(4)));

    [Fact]
    public void MaxPool2d_refuses_an_image_smaller_than_its_window() =>
        Refused("max_pool2d does not take Float32 [2, 3, 1, 6]", () => TorchOps.MaxPool2d(_scope, Floats(2, 3, 1, 6), 2));

    [Fact]
    public void Relu_refuses_integers() =>
        Refused("relu does not take Int64 [3]", () => TorchOps.Relu(_scope, Over(TensorShape.Of(3), TensorType.Int64)));

    [Fact]
    public void Flatten_refuses_a_vector() => Refused("flatten does not take Float32 [3]", () => TorchOps.Flatten(_scope, Floats(3)));

    [Fact]
    public void CrossEntropy_refuses_labels_that_are_floats() => Refused(
        "cross_entropy_loss does not take Float32 [3, 10], Float32 [3]",
        () => TorchOps.CrossEntropy(_scope, Floats(3, 10), Floats(3)));

    [Fact]
    public void CrossEntropy_refuses_another_number_of_labels() => Refused(
        "cross_entropy_loss does not take Float32 [3, 10], Int64 [4]",
        () => TorchOps.CrossEntropy(_scope, Floats(3, 10), Over(TensorShape.Of(4), TensorType.Int64)));

    [Fact]
    public void Backward_refuses_what_is_no_scalar() => Assert.StartsWith(
        "_backward does not take Float32 [3]",
        Assert.Throws<ArgumentException>(() => TorchOps.Backward(Floats(3), [])).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Item_refuses_what_is_no_scalar() => Assert.StartsWith(
        "item does not take Float32 [3]", Assert.Throws<ArgumentException>(() => TorchOps.Item(Floats(3))).Message, StringComparison.Ordinal);

    [Fact]
    public void Operators_compute_what_they_say()
    {
        new float[] { 1, -2, 3, -4 }.CopyTo(_memory.Span);

        Assert.Equal([1, 0, 3, 0], TorchOps.Read(TorchOps.Relu(_scope, Floats(2, 2))).ToArray());
        Assert.Equal([3], TorchOps.Read(TorchOps.MaxPool2d(_scope, Floats(1, 1, 2, 2), 2)).ToArray());

        // [1, -2] and [3, -4] are input and weight rows, [1, -2] the bias too: 1 + 4 + 1, 3 + 8 − 2 for the first row.
        Tensor linear = TorchOps.Linear(_scope, Floats(2, 2), Floats(2, 2), Floats(2));
        Assert.Equal([6, 9, 12, 23], TorchOps.Read(linear).ToArray());
    }

    [Fact]
    public void A_scope_grows_and_frees_all_it_owns()
    {
        for (int i = 0; i < 100; i++)
        {
            Floats(3);
        }

        Assert.Equal(100, _scope.Count);
        _scope.Release();
        Assert.Equal(0, _scope.Count);
        _scope.Release();
    }

    [Fact]
    public void Grad_mode_is_put_back()
    {
        byte before = TorchNative.IsGradModeEnabled();
        using (new GradMode(enabled: true))
        {
            using (new GradMode(enabled: false))
            {
                Assert.Equal(0, TorchNative.IsGradModeEnabled());
            }

            Assert.Equal(1, TorchNative.IsGradModeEnabled());
        }

        Assert.Equal(before, TorchNative.IsGradModeEnabled());
    }

    [Fact]
    public unsafe void A_block_is_zero_and_starts_on_a_cache_line()
    {
        using var block = new FloatBlock(1001);

        Assert.Equal(0, (nint)block.Pointer % 64);
        Assert.False(block.Span.ContainsAnyExcept(0f));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FloatBlock(0));
    }

    [Fact]
    public void A_parameter_of_three_dimensions_is_refused() =>
        Assert.Throws<ArgumentException>(() => new ParameterBlock(new ModelLayout([new ParameterShape("x", [2, 2, 2])])));

    private static void Refused(string message, Func<Tensor> operation)
    {
        var error = Assert.Throws<ArgumentException>(() => operation().Handle);
        Assert.Equal(message, error.Message);
    }

    private Tensor Floats(params int[] sizes) => Over(TensorShape.Of(sizes), TensorType.Float32);

    private unsafe Tensor Over(TensorShape shape, TensorType type) => _scope.Over(_memory.Pointer, shape, type);
}
