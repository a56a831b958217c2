using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Rounds;

/// <summary>The 32-byte hash that names the bytes of one contributed model.</summary>
public readonly record struct ModelRoot
{
    /// <summary>Bytes of a root.</summary>
    public const int Size = 32;

    private readonly ulong _w0;
    private readonly ulong _w1;
    private readonly ulong _w2;
    private readonly ulong _w3;

    /// <summary>Takes a hash.</summary>
    /// <param name="hash">Exactly <see cref="Size"/> bytes.</param>
    /// <exception cref="ArgumentException">Another length: the codec should have refused it.</exception>
    public ModelRoot(ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, Size, nameof(hash));
        _w0 = BinaryPrimitives.ReadUInt64BigEndian(hash);
        _w1 = BinaryPrimitives.ReadUInt64BigEndian(hash[8..]);
        _w2 = BinaryPrimitives.ReadUInt64BigEndian(hash[16..]);
        _w3 = BinaryPrimitives.ReadUInt64BigEndian(hash[24..]);
    }

    /// <summary>SHA-256 over the floats of a model, little endian.</summary>
    /// <param name="model">Shape [d].</param>
    public static ModelRoot OfModel(ReadOnlySpan<float> model)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("models are hashed as they lie in memory, which has to be little endian");
        }

        Span<byte> hash = stackalloc byte[Size];
        System.Security.Cryptography.SHA256.HashData(MemoryMarshal.AsBytes(model), hash);
        return new ModelRoot(hash);
    }

    /// <summary>Writes the hash.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _w3);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _w2);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _w1);
        BinaryPrimitives.WriteUInt64BigEndian(destination, _w0);
    }

    /// <summary>64 hexadecimal digits.</summary>
    public override string ToString() => $"{_w0:x16}{_w1:x16}{_w2:x16}{_w3:x16}";
}
