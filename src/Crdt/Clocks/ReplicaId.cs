using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Crdt.Clocks;

/// <summary>One replica, named by a short byte string.</summary>
/// <remarks>
/// A contribution's replica is the raw bytes of its peer id. Ordered by unsigned bytes, a shorter prefix first.
/// Immutable. The default value has no bytes, names nobody, and is refused by every encoder and mutator.
/// </remarks>
public readonly record struct ReplicaId : IComparable<ReplicaId>
{
    /// <summary>Longest id accepted: a peer id has at most 44 bytes, a name of a test or a service fits too.</summary>
    public const int MaxBytes = 64;

    private readonly byte[]? _bytes;

    private ReplicaId(byte[] bytes) => _bytes = bytes;

    /// <summary>The bytes; 1 to <see cref="MaxBytes"/> of them, none for the default value.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Whether this is the default value, which names nobody.</summary>
    public bool IsEmpty => _bytes is null;

    /// <summary>Takes an id from its bytes, which are copied.</summary>
    /// <exception cref="ArgumentException">Not 1 to <see cref="MaxBytes"/> bytes.</exception>
    public static ReplicaId FromBytes(ReadOnlySpan<byte> bytes) =>
        TryFromBytes(bytes, out ReplicaId id)
            ? id
            : throw new ArgumentException($"A replica id has 1 to {MaxBytes} bytes, not {bytes.Length}", nameof(bytes));

    /// <summary>Takes an id from bytes of a stranger, which are copied.</summary>
    /// <returns>False unless there are 1 to <see cref="MaxBytes"/> bytes.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, out ReplicaId id)
    {
        bool valid = bytes.Length is >= 1 and <= MaxBytes;
        id = valid ? new ReplicaId(bytes.ToArray()) : default;
        return valid;
    }

    /// <summary>Takes the UTF-8 bytes of a name as the id.</summary>
    /// <exception cref="ArgumentException">Not 1 to <see cref="MaxBytes"/> bytes.</exception>
    public static ReplicaId FromText(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return FromBytes(System.Text.Encoding.UTF8.GetBytes(name));
    }

    /// <inheritdoc/>
    public int CompareTo(ReplicaId other) => Bytes.SequenceCompareTo(other.Bytes);

    /// <summary>Same bytes.</summary>
    public bool Equals(ReplicaId other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>The bytes in lower-case hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Bytes);

    /// <summary>Orders by bytes.</summary>
    public static bool operator <(ReplicaId left, ReplicaId right) => left.CompareTo(right) < 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >(ReplicaId left, ReplicaId right) => left.CompareTo(right) > 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator <=(ReplicaId left, ReplicaId right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >=(ReplicaId left, ReplicaId right) => left.CompareTo(right) >= 0;

    /// <summary>Refuses the default value where a replica must be named.</summary>
    /// <exception cref="ArgumentException">The id is empty.</exception>
    internal static void ThrowIfEmpty(
        ReplicaId id, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(id))] string? name = null)
    {
        if (id.IsEmpty)
        {
            ThrowEmpty(name);
        }
    }

    [DoesNotReturn]
    private static void ThrowEmpty(string? name) => throw new ArgumentException("The replica id is empty", name);
}
