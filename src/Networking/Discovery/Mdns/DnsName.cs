using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>A name of the DNS: labels of 1–63 bytes, 255 bytes in all.</summary>
/// <remarks>
/// Source: RFC 1035, 3.1 and 4.1.4. Kept uncompressed and with ASCII letters in lower case, so that equal names have equal bytes. A
/// pointer has to lead to before the part of the name that it ends, so that no chain of them can loop, and a name follows at most
/// <see cref="MaxPointers"/>. Immutable.
/// </remarks>
internal sealed class DnsName : IEquatable<DnsName>
{
    /// <summary>Longest name with its length bytes and the closing zero.</summary>
    public const int MaxBytes = 255;

    /// <summary>Longest label.</summary>
    public const int MaxLabelBytes = 63;

    /// <summary>Pointers followed in one name; a writer that compresses needs no more than one a label.</summary>
    public const int MaxPointers = 32;

    private const byte PointerBits = 0xc0;
    private readonly byte[] _wire;

    private DnsName(byte[] wire) => _wire = wire;

    /// <summary>The uncompressed form: each label behind its length, then a zero.</summary>
    public ReadOnlySpan<byte> Wire => _wire;

    /// <summary>Reads labels of visible ASCII with dots between.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out DnsName? name)
    {
        name = null;
        if (string.IsNullOrEmpty(text) || text.Length > MaxBytes - 2 || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return false;
        }

        byte[] wire = new byte[text.Length + 2];
        int at = 0;
        foreach (string label in text.Split('.'))
        {
            if (label.Length is 0 or > MaxLabelBytes)
            {
                return false;
            }

            wire[at] = (byte)label.Length;
            Encoding.ASCII.GetBytes(label, wire.AsSpan(at + 1));
            at += label.Length + 1;
        }

        name = new DnsName(ToLower(wire));
        return true;
    }

    /// <summary>Reads a name that the program itself wrote.</summary>
    /// <exception cref="FormatException">Not a name.</exception>
    public static DnsName Parse(string text) =>
        TryParse(text, out DnsName? name) ? name : throw new FormatException($"'{text}' is not a DNS name");

    /// <summary>Reads the name at <paramref name="offset"/> of an untrusted message and steps over it.</summary>
    /// <returns>False, with <paramref name="offset"/> anywhere, for what is no name.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, ref int offset, [NotNullWhen(true)] out DnsName? name)
    {
        name = null;
        Span<byte> wire = stackalloc byte[MaxBytes];
        int length = 0;
        int at = offset;
        int start = offset; // of the part that is being read: the next pointer has to lead to before it
        int end = -1; // where the name ends in its place: behind the first pointer
        int pointers = 0;
        while (at < message.Length)
        {
            byte first = message[at];
            if (first >= PointerBits)
            {
                if (at + 1 >= message.Length || ++pointers > MaxPointers)
                {
                    return false;
                }

                end = end < 0 ? at + 2 : end;
                at = ((first & ~PointerBits) << 8) | message[at + 1];
                if (at >= start)
                {
                    return false;
                }

                start = at;
                continue;
            }

            // One byte of the name stays for the closing zero. 0x40 and 0x80 begin no label known today.
            int next = at + 1 + first;
            if (first > MaxLabelBytes || next > message.Length || length + 1 + first > (first == 0 ? MaxBytes : MaxBytes - 1))
            {
                return false;
            }

            message[at..next].CopyTo(wire[length..]);
            length += 1 + first;
            at = next;
            if (first == 0)
            {
                offset = end < 0 ? at : end;
                name = new DnsName(ToLower(wire[..length].ToArray()));
                return true;
            }
        }

        return false;
    }

    /// <summary>This name with one label before it.</summary>
    /// <exception cref="FormatException">Too long, or the label has a dot or is none.</exception>
    public DnsName Child(string label)
    {
        DnsName first = Parse(label);
        bool isOneLabel = first._wire.Length == label.Length + 2 && !label.Contains('.', StringComparison.Ordinal);
        return isOneLabel && first._wire.Length - 1 + _wire.Length <= MaxBytes
            ? new DnsName([.. first._wire.AsSpan(0, first._wire.Length - 1), .. _wire])
            : throw new FormatException($"'{label}' cannot go before '{this}'");
    }

    /// <summary>Whether this name is one label and then <paramref name="parent"/>.</summary>
    public bool IsChildOf(DnsName parent) => _wire[0] > 0 && _wire.AsSpan(1 + _wire[0]).SequenceEqual(parent._wire);

    /// <summary>The labels with dots between; what is not visible ASCII, and a dot within a label, as <c>\ddd</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        for (int at = 0; _wire[at] > 0; at += 1 + _wire[at])
        {
            text.Append(at == 0 ? string.Empty : ".");
            foreach (byte value in _wire.AsSpan(at + 1, _wire[at]))
            {
                bool isPlain = value is > (byte)' ' and < 0x7f and not (byte)'.' and not (byte)'\\';
                text.Append(isPlain ? ((char)value).ToString() : $"\\{value:000}");
            }
        }

        return text.Length == 0 ? "." : text.ToString();
    }

    /// <inheritdoc/>
    public bool Equals(DnsName? other) => other is not null && Wire.SequenceEqual(other.Wire);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DnsName);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_wire);
        return hash.ToHashCode();
    }

    /// <summary>Lower-cases in place. Length bytes are below 64 and so no letters.</summary>
    private static byte[] ToLower(byte[] wire)
    {
        foreach (ref byte value in wire.AsSpan())
        {
            value = value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
        }

        return wire;
    }
}
