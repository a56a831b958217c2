using System.Buffers.Binary;

namespace P2PLearn.Crdt.Contributions;

/// <summary>
/// 32 bytes as a value, ordered as unsigned bytes: what hashes, run ids and halves of signatures are made of.
/// </summary>
internal readonly record struct Bytes32(ulong First, ulong Second, ulong Third, ulong Fourth) : IComparable<Bytes32>
{
    public const int Size = 32;

    /// <summary>Reads exactly 32 bytes, big-endian so that numeric order is byte order.</summary>
    public static Bytes32 Read(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        return new(
            BinaryPrimitives.ReadUInt64BigEndian(bytes),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]));
    }

    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, First);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Second);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], Third);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], Fourth);
    }

    public int CompareTo(Bytes32 other)
    {
        int order = First.CompareTo(other.First);
        order = order != 0 ? order : Second.CompareTo(other.Second);
        order = order != 0 ? order : Third.CompareTo(other.Third);
        return order != 0 ? order : Fourth.CompareTo(other.Fourth);
    }

    public override string ToString() => $"{First:x16}{Second:x16}{Third:x16}{Fourth:x16}";

    /// <summary>Reads 64 hexadecimal digits.</summary>
    public static bool TryParse(string? hex, out Bytes32 value)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bool valid = hex?.Length == 2 * Size
            && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        value = valid ? Read(bytes) : default;
        return valid;
    }
}
