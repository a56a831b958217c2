namespace P2PLearn.Learning.Torch;

/// <summary>The ATen operators of attention and of residual networks; see <see cref="TorchOps"/> for how they are called.</summary>
internal static unsafe class TorchLayers
{
    /// <summary>ε of the normalisations, PyTorch's default.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>a + b, element by element, of equal shapes.</summary>
    /// <remarks>
    /// ATen's addition has an argument of a kind that the dispatcher's C entry does not take; the subtraction of −1 times b, which has a C
    /// function of its own, is the same and recorded by autograd alike.
    /// </remarks>
    public static Tensor Add(TorchScope scope, Tensor first, Tensor second)
    {
        TorchOps.Check(first.Shape == second.Shape && TorchOps.AreFloats(first) && TorchOps.AreFloats(second), "add", first, second);
        TorchOps.ThrowIfFailed(TorchNative.Subtract(first.Handle, second.Handle, -1, out nint sum), "add");
        return scope.Own(sum, first.Shape);
    }

    /// <summary>x·σ(x), element by element, σ the logistic function (Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2).</summary>
    /// <remarks>GELU, of the same paper, takes a text as its second argument, and every call with one costs memory that does not come back.</remarks>
    public static Tensor Silu(TorchScope scope, Tensor input)
    {
        TorchOps.Check(TorchOps.AreFloats(input), "silu", input);
        ulong* stack = stackalloc ulong[1];
        stack[0] = TorchOps.Duplicate(input);
        return scope.Own(TorchOps.Call("aten::silu"u8, TorchOps.NoOverload, stack), input.Shape);
    }

    /// <summary>Rows of a table: [rows, width], integers [k] → [k, width].</summary>
    /// <remarks>The indices must be in [0, rows); the caller has them as memory and checks.</remarks>
    public static Tensor Embedding(TorchScope scope, Tensor table, Tensor indices)
    {
        bool fits = table.Shape.Rank == 2 && indices.Shape.Rank == 1 && indices.Type == TensorType.Int64;
        TorchOps.Check(fits && TorchOps.AreFloats(table), "embedding", table, indices);
        ulong* stack = stackalloc ulong[5];
        stack[0] = TorchOps.Duplicate(table);
        stack[1] = TorchOps.Duplicate(indices);
        stack[2] = unchecked((ulong)-1L); // padding_idx: none
        stack[3] = 0; // scale_grad_by_freq
        stack[4] = 0; // sparse
        nint rows = TorchOps.Call("aten::embedding"u8, TorchOps.NoOverload, stack);
        return scope.Own(rows, TensorShape.Of(indices.Shape[0], table.Shape[1]));
    }

    /// <summary>Each row to mean 0 and variance 1, times weight plus bias: [rows, width] → the same (Ba, Kiros, Hinton 2016).</summary>
    public static Tensor LayerNorm(TorchScope scope, Tensor input, Tensor weight, Tensor bias)
    {
        bool fits = input.Shape.Rank == 2 && weight.Shape == TensorShape.Of(input.Shape[1]) && bias.Shape == weight.Shape;
        TorchOps.Check(fits && TorchOps.AreFloats(input, weight, bias), "layer_norm", input, weight, bias);
        ulong* stack = stackalloc ulong[6];
        stack[0] = TorchOps.Duplicate(input);
        stack[1] = TorchOps.List([input.Shape[1]]); // normalized_shape
        stack[2] = TorchOps.Some(TorchOps.Duplicate(weight));
        stack[3] = TorchOps.Some(TorchOps.Duplicate(bias));
        stack[4] = BitConverter.DoubleToUInt64Bits(Epsilon);
        stack[5] = 0; // cudnn_enable
        return scope.Own(TorchOps.Call("aten::layer_norm"u8, TorchOps.NoOverload, stack), input.Shape);
    }

    /// <summary>
    /// Each group of channels of each image to mean 0 and variance 1, times weight plus bias of its channel: [batch, channels, h, w] → the same
    /// (Wu and He 2018).
    /// </summary>
    public static Tensor GroupNorm(TorchScope scope, Tensor input, int groups, Tensor weight, Tensor bias)
    {
        bool fits = input.Shape.Rank == 4 && input.Shape[1] % groups == 0 && weight.Shape == TensorShape.Of(input.Shape[1])
            && bias.Shape == weight.Shape;
        TorchOps.Check(fits && TorchOps.AreFloats(input, weight, bias), "group_norm", input, weight, bias);
        ulong* stack = stackalloc ulong[6];
        stack[0] = TorchOps.Duplicate(input);
        stack[1] = (ulong)groups;
        stack[2] = TorchOps.Some(TorchOps.Duplicate(weight));
        stack[3] = TorchOps.Some(TorchOps.Duplicate(bias));
        stack[4] = BitConverter.DoubleToUInt64Bits(Epsilon);
        stack[5] = 0; // cudnn_enabled
        return scope.Own(TorchOps.Call("aten::group_norm"u8, TorchOps.NoOverload, stack), input.Shape);
    }

    /// <summary>The mean of each channel: [batch, channels, h, w] → [batch, channels].</summary>
    public static Tensor ChannelMeans(TorchScope scope, Tensor input)
    {
        TorchOps.Check(input.Shape.Rank == 4 && TorchOps.AreFloats(input), "adaptive_avg_pool2d", input);
        ulong* stack = stackalloc ulong[2];
        stack[0] = TorchOps.Duplicate(input);
        stack[1] = TorchOps.Pair(1); // output_size
        nint means = TorchOps.Call("aten::adaptive_avg_pool2d"u8, TorchOps.NoOverload, stack);
        return TorchOps.Flatten(scope, scope.Own(means, TensorShape.Of(input.Shape[0], input.Shape[1], 1, 1)));
    }

    /// <summary>
    /// Causal attention: softmax(q·kᵀ/√d + mask)·v for each head, where a place sees itself and those before it.
    /// </summary>
    /// <remarks>Source: Vaswani et al. 2017 (arXiv:1706.03762), sections 3.2.1 and 3.2.3.</remarks>
    /// <param name="scope">Owns the result.</param>
    /// <param name="projections">Shape [batch·length, 3·width]: queries, keys and values side by side.</param>
    /// <param name="length">Places of a block.</param>
    /// <param name="heads">Heads; divide the width.</param>
    /// <returns>Shape [batch·length, width].</returns>
    public static Tensor CausalAttention(TorchScope scope, Tensor projections, int length, int heads)
    {
        TensorShape shape = projections.Shape;
        bool fits = shape.Rank == 2 && shape[0] % length == 0 && shape[1] % (3 * heads) == 0;
        TorchOps.Check(fits && TorchOps.AreFloats(projections), "scaled_dot_product_attention", projections);
        int width = shape[1] / 3;
        var split = TensorShape.Of(shape[0] / length, length, heads, width / heads);
        ulong* stack = stackalloc ulong[8];
        for (int i = 0; i < 3; i++)
        {
            Tensor part = Reshape(scope, Columns(scope, projections, i * width, width), split);
            stack[i] = TorchOps.Duplicate(SwapMiddle(scope, part)); // [batch, heads, length, width / heads]
        }

        stack[3] = TorchOps.None; // attn_mask
        stack[4] = BitConverter.DoubleToUInt64Bits(0); // dropout_p
        stack[5] = 1; // is_causal
        stack[6] = TorchOps.None; // scale: 1/√(width / heads)
        stack[7] = 0; // enable_gqa
        nint mixed = TorchOps.Call("aten::scaled_dot_product_attention"u8, TorchOps.NoOverload, stack);
        Tensor byHead = scope.Own(mixed, TensorShape.Of(split[0], heads, length, split[3]));
        return Reshape(scope, SwapMiddle(scope, byHead), TensorShape.Of(shape[0], width));
    }

    private static Tensor Columns(TorchScope scope, Tensor input, int start, int count)
    {
        ulong* stack = stackalloc ulong[4];
        stack[0] = TorchOps.Duplicate(input);
        stack[1] = 1; // dim
        stack[2] = (ulong)start;
        stack[3] = (ulong)count;
        nint columns = TorchOps.Call("aten::narrow"u8, TorchOps.NoOverload, stack);
        return scope.Own(columns, TensorShape.Of(input.Shape[0], count));
    }

    private static Tensor Reshape(TorchScope scope, Tensor input, TensorShape shape)
    {
        ulong* stack = stackalloc ulong[2];
        stack[0] = TorchOps.Duplicate(input);
        stack[1] = shape.Rank == 4
            ? TorchOps.List([shape[0], shape[1], shape[2], shape[3]])
            : TorchOps.List([shape[0], shape[1]]);
        return scope.Own(TorchOps.Call("aten::reshape"u8, TorchOps.NoOverload, stack), shape);
    }

    private static Tensor SwapMiddle(TorchScope scope, Tensor input)
    {
        TensorShape x = input.Shape;
        ulong* stack = stackalloc ulong[3];
        stack[0] = TorchOps.Duplicate(input);
        stack[1] = 1; // dim0
        stack[2] = 2; // dim1
        nint swapped = TorchOps.Call("aten::transpose"u8, "int"u8, stack);
        return scope.Own(swapped, TensorShape.Of(x[0], x[2], x[1], x[3]));
    }
}
