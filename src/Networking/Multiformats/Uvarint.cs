using System.Buffers;

namespace P2PLearn.Networking.Multiformats;

/// <summary>Unsigned variable-length integers: seven bits a byte, least significant group first, top bit set when more follow.</summary>
/// <remarks>
/// Source: multiformats unsigned-varint. At most nine bytes (63 bits), and only the shortest form is valid, so that a number has one
/// encoding. Stateless.
/// </remarks>
public static class Uvarint
{
    /// <summary>Longest encoding: 9 × 7 = 63 bits.</summary>
    public const int MaxBytes = 9;

    /// <summary>Largest number that can be written.</summary>
    public const ulong MaxValue = long.MaxValue;

    /// <summary>Reads a number from the start of <paramref name="source"/>.</summary>
    /// <returns>
    /// <see cref="OperationStatus.Done"/>; <see cref="OperationStatus.NeedMoreData"/> when the bytes end within the number;
    /// <see cref="OperationStatus.InvalidData"/> for a number of more than nine bytes or not in its shortest form.
    /// </returns>
    public static OperationStatus Read(ReadOnlySpan<byte> source, out ulong value, out int bytesRead)
    {
        value = 0;
        bytesRead = 0;
        ulong result = 0;
        int limit = Math.Min(source.Length, MaxBytes);
        for (int i = 0; i < limit; i++)
        {
            byte group = source[i];
            result |= (ulong)(group & 0x7f) << (7 * i);
            if (group >= 0x80)
            {
                continue;
            }

            if (group == 0 && i > 0)
            {
                return OperationStatus.InvalidData; // a trailing zero group: not the shortest form
            }

            value = result;
            bytesRead = i + 1;
            return OperationStatus.Done;
        }

        return limit == MaxBytes ? OperationStatus.InvalidData : OperationStatus.NeedMoreData;
    }

    /// <summary>Reads a number from the start of <paramref name="source"/>; see <see cref="Read(ReadOnlySpan{byte}, out ulong, out int)"/>.</summary>
    public static OperationStatus Read(in ReadOnlySequence<byte> source, out ulong value, out int bytesRead)
    {
        ReadOnlySpan<byte> first = source.FirstSpan;
        if (first.Length >= MaxBytes || source.IsSingleSegment)
        {
            return Read(first, out value, out bytesRead);
        }

        Span<byte> joined = stackalloc byte[MaxBytes];
        int length = (int)Math.Min(source.Length, MaxBytes);
        source.Slice(0, length).CopyTo(joined);
        return Read(joined[..length], out value, out bytesRead);
    }

    /// <summary>Reads a number from the start of <paramref name="source"/>.</summary>
    /// <returns>False when it is incomplete or invalid.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int bytesRead) =>
        Read(source, out value, out bytesRead) == OperationStatus.Done;

    /// <summary>Reads a number from the start of <paramref name="source"/>.</summary>
    /// <returns>False when it is incomplete or invalid.</returns>
    public static bool TryRead(in ReadOnlySequence<byte> source, out ulong value, out int bytesRead) =>
        Read(source, out value, out bytesRead) == OperationStatus.Done;

    /// <summary>How many bytes <paramref name="value"/> takes, 1 to 9.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Above <see cref="MaxValue"/>.</exception>
    public static int GetLength(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        int bits = 64 - System.Numerics.BitOperations.LeadingZeroCount(value | 1);
        return (bits + 6) / 7;
    }

    /// <summary>Writes <paramref name="value"/> to the start of <paramref name="destination"/>.</summary>
    /// <returns>The number of bytes written.</returns>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public static int Write(Span<byte> destination, ulong value)
    {
        int length = GetLength(value);
        if (destination.Length < length)
        {
            throw new ArgumentException("too short for the number", nameof(destination));
        }

        for (int i = 0; i < length - 1; i++)
        {
            destination[i] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[length - 1] = (byte)value;
        return length;
    }

    /// <summary>Appends <paramref name="value"/> to <paramref name="output"/>.</summary>
    public static void Write(IBufferWriter<byte> output, ulong value)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.Advance(Write(output.GetSpan(MaxBytes), value));
    }
}
