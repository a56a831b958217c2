using System.Buffers;
using System.Runtime.InteropServices;

namespace P2PLearn.Actors.Exchange;

/// <summary>One model vector [d] on loan from a <see cref="ModelPool"/>: floats for the mixing rule, the same bytes for the wire.</summary>
/// <remarks>
/// Counted: who keeps it calls <see cref="Retain"/>, and everybody disposes once. The last one gives the memory back; using it after that
/// is a bug. The wire's order is little-endian, which is that of every machine libtorch runs on.
/// </remarks>
public sealed class ModelBuffer : MemoryManager<byte>
{
    private readonly ModelPool _pool;
    private readonly float[] _values;
    private int _owners;

    internal ModelBuffer(ModelPool pool, int parameterCount)
    {
        _pool = pool;
        _values = GC.AllocateUninitializedArray<float>(parameterCount, pinned: true);
    }

    /// <summary>The model, shape [d].</summary>
    public Memory<float> Values => _values;

    /// <summary>The model as it travels: float32, little-endian, 4·d bytes.</summary>
    public Memory<byte> Bytes => Memory;

    /// <summary>One more owner.</summary>
    public ModelBuffer Retain()
    {
        if (Interlocked.Increment(ref _owners) <= 1)
        {
            throw new InvalidOperationException("a model buffer was kept after it had been given back");
        }

        return this;
    }

    /// <summary>One owner less.</summary>
    public void Release() => Dispose(disposing: true);

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(_values.AsSpan());

    /// <inheritdoc/>
    public override unsafe MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)(_values.Length * sizeof(float)));
        return new MemoryHandle((byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_values, 0) + elementIndex);
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
        // The array is pinned for good.
    }

    internal ModelBuffer Lend()
    {
        _owners = 1;
        return this;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        int left = Interlocked.Decrement(ref _owners);
        if (left < 0)
        {
            throw new InvalidOperationException("a model buffer was given back twice");
        }

        if (left == 0)
        {
            _pool.Return(this);
        }
    }
}
