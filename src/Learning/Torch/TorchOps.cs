namespace P2PLearn.Learning.Torch;

/// <summary>
/// The ATen operators in use. Each checks its inputs first, since libtorch's own message cannot be had through the C
/// ABI.
/// </summary>
/// <remarks>
/// An argument is 64 bits on a stack: a tensor is its handle, which the call consumes; an optional is 0 or a pointer
/// to a cell that libtorch deletes; a list is its handle, consumed too; a double is its bits. The results come back
/// in the same stack, owned by the caller.
/// </remarks>
internal static unsafe class TorchOps
{
    internal const ulong None = 0;
    private const ulong MeanReduction = 1;
    private const long IgnoreNothing = -100; // PyTorch's default label to skip; ours are never negative

    internal static ReadOnlySpan<byte> NoOverload => "\0"u8; // not empty: fixed makes a null pointer of an empty span

    /// <summary>input · weightᵀ + bias: [batch, in] → [batch, out].</summary>
    public static Tensor Linear(TorchScope scope, Tensor input, Tensor weight, Tensor bias)
    {
        bool fits = input.Shape.Rank == 2 && weight.Shape.Rank == 2 && input.Shape[1] == weight.Shape[1]
            && bias.Shape == TensorShape.Of(weight.Shape[0]);
        Check(fits && AreFloats(input, weight, bias), "linear", input, weight, bias);
        ulong* stack = stackalloc ulong[3];
        stack[0] = Duplicate(input);
        stack[1] = Duplicate(weight);
        stack[2] = Some(Duplicate(bias));
        return scope.Own(Call("aten::linear"u8, NoOverload, stack), TensorShape.Of(input.Shape[0], weight.Shape[0]));
    }

    /// <summary>max(0, x), element by element.</summary>
    public static Tensor Relu(TorchScope scope, Tensor input)
    {
        Check(AreFloats(input), "relu", input);
        ulong* stack = stackalloc ulong[1];
        stack[0] = Duplicate(input);
        return scope.Own(Call("aten::relu"u8, NoOverload, stack), input.Shape);
    }

    /// <summary>
    /// Cross-correlation: [batch, in, h, w] → [batch, out, ⌊(h + 2·padding − k) / stride⌋ + 1, the same of w].
    /// </summary>
    public static Tensor Conv2d(TorchScope scope, Tensor input, Tensor weight, Tensor? bias, int stride = 1, int padding = 0)
    {
        (TensorShape x, TensorShape w) = (input.Shape, weight.Shape);
        bool fits = x.Rank == 4 && w.Rank == 4 && x[1] == w[1] && x[2] + (2 * padding) >= w[2] && x[3] + (2 * padding) >= w[3]
            && (bias is not { } b || (b.Shape == TensorShape.Of(w[0]) && AreFloats(b)));
        Check(fits && AreFloats(input) && AreFloats(weight), "conv2d", input, weight, bias);
        ulong* stack = stackalloc ulong[7];
        stack[0] = Duplicate(input);
        stack[1] = Duplicate(weight);
        stack[2] = bias is { } some ? Some(Duplicate(some)) : None;
        stack[3] = Pair(stride);
        stack[4] = Pair(padding);
        stack[5] = Pair(1); // dilation
        stack[6] = 1; // groups
        var result = TensorShape.Of(
            x[0], w[0], ((x[2] + (2 * padding) - w[2]) / stride) + 1, ((x[3] + (2 * padding) - w[3]) / stride) + 1);
        return scope.Own(Call("aten::conv2d"u8, NoOverload, stack), result);
    }

    /// <summary>
    /// The largest of each window of size², side by side: [batch, channels, h, w] → [batch, channels, ⌊h/size⌋,
    /// ⌊w/size⌋].
    /// </summary>
    public static Tensor MaxPool2d(TorchScope scope, Tensor input, int size)
    {
        TensorShape x = input.Shape;
        Check(x.Rank == 4 && x[2] >= size && x[3] >= size && AreFloats(input), "max_pool2d", input);
        ulong* stack = stackalloc ulong[6];
        stack[0] = Duplicate(input);
        stack[1] = Pair(size); // kernel
        stack[2] = Pair(size); // stride
        stack[3] = Pair(0); // padding
        stack[4] = Pair(1); // dilation
        stack[5] = 0; // ceil_mode
        return scope.Own(
            Call("aten::max_pool2d"u8, NoOverload, stack), TensorShape.Of(x[0], x[1], x[2] / size, x[3] / size));
    }

    /// <summary>[batch, …] → [batch, product of the rest].</summary>
    public static Tensor Flatten(TorchScope scope, Tensor input)
    {
        Check(input.Shape.Rank >= 2, "flatten", input);
        ulong* stack = stackalloc ulong[3];
        stack[0] = Duplicate(input);
        stack[1] = 1; // start_dim
        stack[2] = unchecked((ulong)-1L); // end_dim
        var flat = TensorShape.Of(input.Shape[0], (int)input.Shape.InnerCount);
        return scope.Own(Call("aten::flatten"u8, "using_ints"u8, stack), flat);
    }

    /// <summary>Mean over the batch of −log softmax(logits)[label]: [batch, classes], [batch] → [].</summary>
    /// <remarks>The labels must be in [0, classes); the caller has them as memory and checks.</remarks>
    public static Tensor CrossEntropy(TorchScope scope, Tensor logits, Tensor labels)
    {
        bool fits = logits.Shape.Rank == 2 && labels.Shape == TensorShape.Of(logits.Shape[0])
            && labels.Type == TensorType.Int64;
        Check(fits && AreFloats(logits), "cross_entropy_loss", logits, labels);
        ulong* stack = stackalloc ulong[6];
        stack[0] = Duplicate(logits);
        stack[1] = Duplicate(labels);
        stack[2] = None; // weight
        stack[3] = MeanReduction;
        stack[4] = unchecked((ulong)IgnoreNothing);
        stack[5] = BitConverter.DoubleToUInt64Bits(0); // label_smoothing
        return scope.Own(Call("aten::cross_entropy_loss"u8, NoOverload, stack), default);
    }

    /// <summary>Adds the gradient of a scalar to the <c>.grad</c> of each leaf, in place.</summary>
    /// <remarks>
    /// Call it with <see cref="GradMode"/> off: then libtorch adds into the memory that lies under <c>.grad</c>; else
    /// it would put a new tensor there.
    /// </remarks>
    public static void Backward(Tensor loss, ReadOnlySpan<Tensor> leaves)
    {
        Check(loss.Shape.Rank == 0 && AreFloats(loss), "_backward", loss);
        nint inputs = NewList(leaves.Length);
        foreach (Tensor leaf in leaves)
        {
            ThrowIfFailed(TorchNative.PushBack(inputs, Duplicate(leaf)), "list");
        }

        ulong* stack = stackalloc ulong[5];
        stack[0] = Duplicate(loss);
        stack[1] = (ulong)inputs;
        stack[2] = None; // gradient
        stack[3] = None; // retain_graph
        stack[4] = 0; // create_graph
        Call("aten::_backward"u8, NoOverload, stack);
    }

    /// <summary>The value of a scalar.</summary>
    public static float Item(Tensor scalar)
    {
        Check(scalar.Shape.Rank == 0, "item", scalar);
        ThrowIfFailed(TorchNative.GetItem(scalar.Handle, out float value), "item");
        return value;
    }

    /// <summary>The elements of a contiguous tensor, valid as long as it is.</summary>
    public static ReadOnlySpan<float> Read(Tensor tensor)
    {
        Check(AreFloats(tensor), "data_ptr", tensor);
        ThrowIfFailed(TorchNative.GetDataPointer(tensor.Handle, out float* data), "data_ptr");
        return new ReadOnlySpan<float>(data, checked((int)tensor.Shape.Count));
    }

    /// <summary>
    /// Throws when a native call did not return 0; that is a bug of ours, since the inputs had been checked.
    /// </summary>
    public static void ThrowIfFailed(int status, string operation)
    {
        if (status != 0)
        {
            throw new InvalidOperationException(
                $"libtorch refused {operation}; {TorchLibrary.LogVariable}=ERROR in the environment lets it print why");
        }
    }

    internal static nint Call(ReadOnlySpan<byte> operation, ReadOnlySpan<byte> overload, ulong* stack)
    {
        // u8 literals end in a zero byte that their length does not count.
        fixed (byte* name = operation, variant = overload)
        {
            int status = TorchNative.CallDispatcher(name, variant, stack, TorchLibrary.Binding.AbiVersion);
            if (status != 0)
            {
                ThrowIfFailed(status, System.Text.Encoding.UTF8.GetString(operation));
            }
        }

        return (nint)stack[0];
    }

    internal static ulong Duplicate(Tensor tensor)
    {
        ThrowIfFailed(TorchNative.DuplicateTensor(tensor.Handle, out nint duplicate), "duplicate");
        return (ulong)duplicate;
    }

    internal static ulong Some(ulong value)
    {
        ulong* cell = ((delegate* unmanaged[Cdecl]<nuint, ulong*>)TorchLibrary.Binding.OperatorNew)(sizeof(ulong));
        *cell = value;
        return (ulong)cell;
    }

    internal static nint NewList(int capacity)
    {
        ThrowIfFailed(TorchNative.NewList((nuint)capacity, out nint list), "list");
        return list;
    }

    internal static ulong Pair(int size) => List([size, size]);

    internal static ulong List(ReadOnlySpan<int> values)
    {
        nint list = NewList(values.Length);
        foreach (int value in values)
        {
            ThrowIfFailed(TorchNative.PushBack(list, (ulong)value), "list");
        }

        return (ulong)list;
    }

    internal static bool AreFloats(Tensor a) => a.Type == TensorType.Float32;

    internal static bool AreFloats(Tensor a, Tensor b, Tensor c) => AreFloats(a) && AreFloats(b) && AreFloats(c);

    internal static void Check(bool fits, string operation, Tensor first, Tensor? second = null, Tensor? third = null)
    {
        if (!fits)
        {
            string others = string.Concat(second is null ? "" : $", {second}", third is null ? "" : $", {third}");
            throw new ArgumentException($"{operation} does not take {first}{others}");
        }
    }
}
