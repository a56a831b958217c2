namespace P2PLearn.Learning.Torch;

/// <summary>Owns every tensor made in one step and frees them together.</summary>
/// <remarks>
/// Kept and reused from step to step, so that a step allocates nothing. Not safe for several threads. A tensor must
/// not be used after
/// <see cref="Release"/>.
/// </remarks>
internal sealed class TorchScope : IDisposable
{
    private nint[] _handles = new nint[32];

    /// <summary>Tensors owned now.</summary>
    public int Count { get; private set; }

    /// <summary>Takes over a handle that an operator returned.</summary>
    public Tensor Own(nint handle, TensorShape shape, TensorType type = TensorType.Float32)
    {
        if (Count == _handles.Length)
        {
            Array.Resize(ref _handles, 2 * _handles.Length);
        }

        _handles[Count++] = handle;
        return new Tensor(handle, shape, type);
    }

    /// <summary>Lays a tensor over memory that stays in place until <see cref="Release"/>.</summary>
    public unsafe Tensor Over(void* data, TensorShape shape, TensorType type) =>
        Own(Tensor.CreateOver(data, shape, type), shape, type);

    /// <summary>Frees all tensors, and with the last of them the graph that autograd recorded.</summary>
    public void Release()
    {
        while (Count > 0)
        {
            _ = TorchNative.DeleteTensor(_handles[--Count]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Release();
}
