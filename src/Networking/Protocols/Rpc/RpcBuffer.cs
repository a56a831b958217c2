using System.Buffers;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>A pooled byte array with a count of owners; the last one to let go gives it back.</summary>
/// <remarks>
/// The loop that fills it holds a reference of its own, so that a cancelled call cannot give the memory away under a pending read. The version
/// tells one life of the pooled object from the next, so that a payload disposed twice harms nobody.
/// </remarks>
internal sealed class RpcBuffer
{
    private static readonly RpcPool<RpcBuffer> Pool = new(static () => new RpcBuffer(), 1024);

    private byte[] _array = [];
    private int _references;
    private int _version;

    public int Length { get; private set; }

    public int Version => Volatile.Read(ref _version);

    public Memory<byte> Memory => _array.AsMemory(0, Length);

    public Span<byte> Span => _array.AsSpan(0, Length);

    /// <summary>Takes a buffer of exactly this length with one reference. The caller has checked the length against its limit.</summary>
    public static RpcBuffer Rent(int length)
    {
        RpcBuffer buffer = Pool.Rent();
        buffer._array = length == 0 ? [] : ArrayPool<byte>.Shared.Rent(length);
        buffer.Length = length;
        buffer._references = 1;
        return buffer;
    }

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            Interlocked.Increment(ref _version);
            if (_array.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_array);
            }

            _array = [];
            Length = 0;
            Pool.Return(this);
        }
    }

    /// <summary>Lets go for the owner who took it in this version, once.</summary>
    public void Release(int version)
    {
        if (Interlocked.CompareExchange(ref _version, version + 1, version) == version)
        {
            Release();
        }
    }
}
