using System.Buffers;
using System.Runtime.InteropServices;
using P2PLearn.Learning.Models;

namespace P2PLearn.Actors.Exchange;

/// <summary>One model vector [d] on loan from a <see cref="ModelPool"/>: floats for the mixing rule, and the bytes that travel, which are the same memory as float32.</summary>
/// <remarks>
/// Counted: who keeps it calls <see cref="Retain"/>, and everybody disposes once. The last one gives the memory back; using it after that
/// is a bug. The wire's order is little-endian, which is that of every machine libtorch runs on.
/// </remarks>
public sealed class ModelBuffer : MemoryManager<byte>
{
    private readonly ModelPool _pool;
    private readonly float[] _values;
    private readonly byte[]? _wire;
    private int _owners;

    internal ModelBuffer(ModelPool pool)
    {
        _pool = pool;
        _values = GC.AllocateUninitializedArray<float>(pool.ParameterCount, pinned: true);
        _wire = pool.Precision == ExchangePrecision.Float32 ? null : GC.AllocateUninitializedArray<byte>(pool.WireSize, pinned: true);
    }

    /// <summary>The model, shape [d].</summary>
    public Memory<float> Values => _values;

    /// <summary>The same memory as bytes: float32, little-endian, 4·d bytes.</summary>
    public Memory<byte> ValueBytes => Memory;

    /// <summary>The model as it travels, <see cref="ModelPool.WireSize"/> bytes: what <see cref="Encode"/> wrote, or what was received for <see cref="Decode"/>.</summary>
    public Memory<byte> WireBytes => _wire ?? Memory;

    /// <summary>Makes the wire bytes of the values, and the values what others will read of these.</summary>
    public void Encode()
    {
        if (_wire is not null)
        {
            _pool.Precision.Encode(_values, _wire);
            _pool.Precision.Decode(_wire, _values);
        }
    }

    /// <summary>Makes the values of the wire bytes.</summary>
    public void Decode()
    {
        if (_wire is not null)
        {
            _pool.Precision.Decode(_wire, _values);
        }
    }

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
