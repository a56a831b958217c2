using System.Security.Cryptography;

namespace P2PLearn.Crdt.Contributions;

/// <summary>A SHA-256 hash.</summary>
/// <remarks>
/// Names model bytes, a layout, or the canonical bytes of a set. Ordered as unsigned bytes. Immutable.
/// </remarks>
public readonly record struct Hash256 : IComparable<Hash256>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = Bytes32.Size;

    private readonly Bytes32 _bytes;

    private Hash256(Bytes32 bytes) => _bytes = bytes;

    /// <summary>Takes the value from exactly 32 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another length.</exception>
    public static Hash256 FromBytes(ReadOnlySpan<byte> bytes) => new(Bytes32.Read(bytes));

    /// <summary>Reads 64 hexadecimal digits.</summary>
    public static bool TryParse(string? hex, out Hash256 value)
    {
        bool parsed = Bytes32.TryParse(hex, out Bytes32 bytes);
        value = new(bytes);
        return parsed;
    }

    /// <summary>The SHA-256 of <paramref name="content"/>.</summary>
    public static Hash256 Of(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(content, hash);
        return FromBytes(hash);
    }

    /// <summary>Writes the 32 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 32 bytes of room.</exception>
    public void CopyTo(Span<byte> destination) => _bytes.CopyTo(destination);

    /// <summary>The 32 bytes in a fresh array.</summary>
    public byte[] ToByteArray()
    {
        byte[] bytes = new byte[Size];
        _bytes.CopyTo(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public int CompareTo(Hash256 other) => _bytes.CompareTo(other._bytes);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => _bytes.ToString();

    /// <summary>Orders by bytes.</summary>
    public static bool operator <(Hash256 left, Hash256 right) => left.CompareTo(right) < 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >(Hash256 left, Hash256 right) => left.CompareTo(right) > 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator <=(Hash256 left, Hash256 right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >=(Hash256 left, Hash256 right) => left.CompareTo(right) >= 0;
}
