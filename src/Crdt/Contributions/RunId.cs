using System.Security.Cryptography;

namespace P2PLearn.Crdt.Contributions;

/// <summary>One training run.</summary>
/// <remarks>
/// The SHA-256 of the settings of the run, so that nobody can pass other settings off under its name. Ordered as
/// unsigned bytes. Immutable.
/// </remarks>
public readonly record struct RunId : IComparable<RunId>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = Bytes32.Size;

    private readonly Bytes32 _bytes;

    private RunId(Bytes32 bytes) => _bytes = bytes;

    /// <summary>Takes the value from exactly 32 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another length.</exception>
    public static RunId FromBytes(ReadOnlySpan<byte> bytes) => new(Bytes32.Read(bytes));

    /// <summary>Reads 64 hexadecimal digits.</summary>
    public static bool TryParse(string? hex, out RunId value)
    {
        bool parsed = Bytes32.TryParse(hex, out Bytes32 bytes);
        value = new(bytes);
        return parsed;
    }

    /// <summary>The id of the run with these settings: their SHA-256.</summary>
    /// <param name="settings">The canonical bytes of the settings, whatever their format.</param>
    public static RunId Of(ReadOnlySpan<byte> settings)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(settings, hash);
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
    public int CompareTo(RunId other) => _bytes.CompareTo(other._bytes);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => _bytes.ToString();

    /// <summary>Orders by bytes.</summary>
    public static bool operator <(RunId left, RunId right) => left.CompareTo(right) < 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >(RunId left, RunId right) => left.CompareTo(right) > 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator <=(RunId left, RunId right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >=(RunId left, RunId right) => left.CompareTo(right) >= 0;
}
