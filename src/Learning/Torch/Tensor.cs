namespace P2PLearn.Learning.Torch;

/// <summary>Element types in use, with PyTorch's numbers.</summary>
internal enum TensorType
{
    Int64 = 4,
    Float32 = 6,
}

/// <summary>
/// A borrowed reference to a native tensor; its <see cref="TorchScope"/> or <see cref="ParameterBlock"/> owns it.
/// </summary>
/// <param name="Handle">The <c>at::Tensor*</c>.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Type">Its element type.</param>
internal readonly record struct Tensor(nint Handle, TensorShape Shape, TensorType Type)
{
    /// <summary>Lays a tensor over row-major memory that must outlive it.</summary>
    /// <returns>A handle that the caller owns.</returns>
    public static unsafe nint CreateOver(void* data, TensorShape shape, TensorType type)
    {
        long* sizes = stackalloc long[4];
        long* strides = stackalloc long[4];
        long stride = 1;
        for (int i = shape.Rank - 1; i >= 0; i--)
        {
            sizes[i] = shape[i];
            strides[i] = stride;
            stride *= shape[i];
        }

        if (shape.Rank == 4 && shape[1] == 1)
        {
            // Channels last: for one channel the same bytes. libtorch keeps to it, and pools with vector instructions then.
            strides[1] = 1;
        }

        int status = TorchNative.CreateTensorFromBlob(
            data, shape.Rank, sizes, strides, 0, (int)type, 0, 0, out nint handle);
        TorchOps.ThrowIfFailed(status, "a tensor over memory");
        return handle;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {Shape}";
}
