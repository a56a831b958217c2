namespace P2PLearn.Crdt.Contributions;

/// <summary>The 64 bytes of a signature; all zero until signed.</summary>
/// <remarks>
/// Which algorithm made them is the business of <see cref="ISignatureVerifier"/>. Ordered as unsigned bytes.
/// Immutable.
/// </remarks>
public readonly record struct Signature64 : IComparable<Signature64>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 2 * Bytes32.Size;

    private readonly Bytes32 _first;
    private readonly Bytes32 _second;

    private Signature64(Bytes32 first, Bytes32 second) => (_first, _second) = (first, second);

    /// <summary>Takes the value from exactly 64 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another length.</exception>
    public static Signature64 FromBytes(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        return new(Bytes32.Read(bytes[..Bytes32.Size]), Bytes32.Read(bytes[Bytes32.Size..]));
    }

    /// <summary>Writes the 64 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 64 bytes of room.</exception>
    public void CopyTo(Span<byte> destination)
    {
        _first.CopyTo(destination);
        _second.CopyTo(destination[Bytes32.Size..]);
    }

    /// <inheritdoc/>
    public int CompareTo(Signature64 other)
    {
        int order = _first.CompareTo(other._first);
        return order != 0 ? order : _second.CompareTo(other._second);
    }

    /// <summary>128 lower-case hexadecimal digits.</summary>
    public override string ToString() => $"{_first}{_second}";

    /// <summary>Orders by bytes.</summary>
    public static bool operator <(Signature64 left, Signature64 right) => left.CompareTo(right) < 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >(Signature64 left, Signature64 right) => left.CompareTo(right) > 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator <=(Signature64 left, Signature64 right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >=(Signature64 left, Signature64 right) => left.CompareTo(right) >= 0;
}
