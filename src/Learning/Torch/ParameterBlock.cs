using System.Runtime.InteropServices;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Torch;

/// <summary>
/// θ and g as two flat blocks [d], with a leaf tensor over each parameter's slice of θ whose <c>.grad</c> is the same
/// slice of g.
/// </summary>
/// <remarks>
/// So autograd writes the flat gradient with no copy, and everything after it is arithmetic on spans. Owns blocks and
/// leaves; a finalizer frees both when nobody disposed the model. The order does not matter: freeing a tensor does
/// not touch the memory it lies over.
/// </remarks>
internal sealed unsafe class ParameterBlock : SafeHandle
{
    private readonly FloatBlock _theta;
    private readonly FloatBlock _gradient;
    private readonly Tensor[] _leaves;

    public ParameterBlock(ModelLayout layout)
        : base(0, ownsHandle: true)
    {
        TorchLibrary.EnsureLoaded();
        _theta = new FloatBlock(layout.ParameterCount);
        _gradient = new FloatBlock(layout.ParameterCount);
        _leaves = new Tensor[layout.Parameters.Count];
        SetHandle(1); // from here on ReleaseHandle runs
        int offset = 0;
        for (int i = 0; i < _leaves.Length; i++)
        {
            _leaves[i] = CreateLeaf(TensorShape.Of(layout.Parameters[i].Shape), offset);
            offset += layout.Parameters[i].Count;
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>θ, shape [d].</summary>
    public Span<float> Theta => _theta.Span;

    /// <summary>g, shape [d].</summary>
    public Span<float> Gradient => _gradient.Span;

    /// <summary>One tensor per parameter of the layout, in its order.</summary>
    public ReadOnlySpan<Tensor> Leaves
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return _leaves;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        foreach (Tensor leaf in _leaves)
        {
            if (leaf.Handle != 0)
            {
                _ = TorchNative.DeleteTensor(leaf.Handle);
            }
        }

        _theta.Dispose();
        _gradient.Dispose();
        return true;
    }

    private Tensor CreateLeaf(TensorShape shape, int offset)
    {
        nint handle = Tensor.CreateOver(_theta.Pointer + offset, shape, TensorType.Float32);
        var leaf = new Tensor(handle, shape, TensorType.Float32);
        TorchOps.ThrowIfFailed(TorchNative.SetRequiresGrad(leaf.Handle, 1), "requires_grad");
        nint gradient = Tensor.CreateOver(_gradient.Pointer + offset, shape, TensorType.Float32);

        // An at::Tensor is one pointer, to its TensorImpl; mutable_grad answers the address of the at::Tensor in .grad.
        nint tensorImpl = *(nint*)leaf.Handle;
        nint slot = ((delegate* unmanaged[Cdecl]<nint, nint>)TorchLibrary.Binding.MutableGrad)(tensorImpl);
        TorchOps.ThrowIfFailed(TorchNative.AssignTensor(gradient, slot), "assign .grad");
        TorchOps.ThrowIfFailed(TorchNative.DeleteTensor(gradient), "delete");
        return leaf;
    }
}
