using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Torch;

/// <summary>A zeroed block of floats outside the managed heap, aligned to a cache line, that never moves.</summary>
internal sealed unsafe class FloatBlock : SafeHandle
{
    private const int AlignmentBytes = 64;

    public FloatBlock(int count)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        nuint bytes = (nuint)count * sizeof(float);
        SetHandle((nint)NativeMemory.AlignedAlloc(bytes, AlignmentBytes));
        NativeMemory.Clear((void*)handle, bytes);
    }

    /// <summary>Number of floats.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The first float.</summary>
    /// <exception cref="ObjectDisposedException">The block is gone.</exception>
    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (float*)handle;
        }
    }

    /// <summary>All of it, until it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The block is gone.</exception>
    public Span<float> Span => new(Pointer, Count);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
