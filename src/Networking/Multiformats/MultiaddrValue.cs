using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Multiformats;

/// <summary>Values of address components: text to bytes, bytes to text, and whether bytes are a value at all.</summary>
internal static class MultiaddrValue
{
    private const int MaxNameBytes = 255; // the longest DNS name
    private const int MaxPathBytes = 512;
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>What the value should have been, for the user's error line.</summary>
    public static string Describe(MultiaddrValueKind kind) => kind switch
    {
        MultiaddrValueKind.IPv4 => "an IPv4 address such as 192.0.2.1",
        MultiaddrValueKind.IPv6 => "an IPv6 address such as 2001:db8::1",
        MultiaddrValueKind.Port => "a port from 0 to 65535",
        MultiaddrValueKind.PrefixLength => "a prefix length from 0 to 128",
        MultiaddrValueKind.Name => "a name of at most 255 bytes",
        MultiaddrValueKind.Peer => "a peer id such as 12D3KooW…",
        MultiaddrValueKind.Hash => "a multihash in multibase",
        MultiaddrValueKind.FilePath => "an absolute path",
        MultiaddrValueKind.HttpPath => "a percent-encoded path",
        _ => "a decimal number",
    };

    public static bool TryParse(MultiaddrValueKind kind, string text, [NotNullWhen(true)] out byte[]? value)
    {
        value = kind switch
        {
            MultiaddrValueKind.IPv4 => ParseIPv4(text),
            MultiaddrValueKind.IPv6 => ParseIPv6(text),
            MultiaddrValueKind.Port => ParsePort(text),
            MultiaddrValueKind.PrefixLength => byte.TryParse(text, NumberStyles.None, null, out byte bits) ? [bits] : null,
            MultiaddrValueKind.Peer => PeerId.TryParse(text, out PeerId? peer) ? peer.Bytes.ToArray() : null,
            MultiaddrValueKind.Hash => Multibase.TryDecode(text, out byte[]? hash) ? hash : null,
            MultiaddrValueKind.FilePath or MultiaddrValueKind.HttpPath => Utf8(Uri.UnescapeDataString(text)),
            _ => Utf8(text),
        };
        return value is not null && IsValid(kind, value);
    }

    public static string? Format(MultiaddrValueKind kind, ReadOnlySpan<byte> value) => kind switch
    {
        MultiaddrValueKind.None => null,
        MultiaddrValueKind.IPv4 or MultiaddrValueKind.IPv6 => new IPAddress(value).ToString(),
        MultiaddrValueKind.Port => BinaryPrimitives.ReadUInt16BigEndian(value).ToString(CultureInfo.InvariantCulture),
        MultiaddrValueKind.PrefixLength => value[0].ToString(CultureInfo.InvariantCulture),
        MultiaddrValueKind.Peer => SimpleBase.Base58.Bitcoin.Encode(value),
        MultiaddrValueKind.Hash => Multibase.Encode(MultibaseEncoding.Base64Url, value),
        MultiaddrValueKind.FilePath or MultiaddrValueKind.HttpPath =>
            Uri.EscapeDataString(Encoding.UTF8.GetString(value)),
        _ => Encoding.UTF8.GetString(value),
    };

    public static bool IsValid(MultiaddrValueKind kind, ReadOnlySpan<byte> value) => kind switch
    {
        MultiaddrValueKind.PrefixLength => value[0] <= 128,
        MultiaddrValueKind.Name => value.Length is >= 1 and <= MaxNameBytes && IsPlainText(value),
        MultiaddrValueKind.Peer => PeerId.TryFromBytes(value, out _),
        MultiaddrValueKind.Hash => Multihash.TryFromBytes(value, out _),
        MultiaddrValueKind.FilePath => value.Length is >= 2 and <= MaxPathBytes && value[0] == '/' && IsPrintable(value),
        MultiaddrValueKind.HttpPath => value.Length is >= 1 and <= MaxPathBytes && IsPrintable(value),
        MultiaddrValueKind.Decimal => Utf8Parser.TryParse(value, out ulong _, out int used) && used == value.Length,
        _ => true, // a fixed size, any content
    };

    /// <summary>Exactly four decimal parts: the base library would take "1.2.3" and hexadecimal too.</summary>
    private static byte[]? ParseIPv4(string text)
    {
        string[] parts = text.Split('.', 5);
        if (parts.Length != 4)
        {
            return null;
        }

        byte[] value = new byte[4];
        for (int i = 0; i < 4; i++)
        {
            bool leadingZero = parts[i].Length > 1 && parts[i][0] == '0';
            if (leadingZero || !byte.TryParse(parts[i], NumberStyles.None, null, out value[i]))
            {
                return null;
            }
        }

        return value;
    }

    private static byte[]? ParseIPv6(string text)
    {
        bool plain = text.Contains(':') && text.AsSpan().IndexOfAnyExcept(IPv6Characters) < 0;
        return plain && IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6
            ? address.GetAddressBytes()
            : null;
    }

    private static byte[]? ParsePort(string text)
    {
        if (text.Length > 5 || !ushort.TryParse(text, NumberStyles.None, null, out ushort port))
        {
            return null;
        }

        byte[] value = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(value, port);
        return value;
    }

    private static byte[]? Utf8(string text)
    {
        byte[] value = Encoding.UTF8.GetBytes(text);
        return Encoding.UTF8.GetString(value) == text ? value : null; // not for lone surrogates
    }

    private static bool IsPlainText(ReadOnlySpan<byte> value) =>
        IsPrintable(value) && !value.Contains((byte)'/') && !Encoding.UTF8.GetString(value).Any(char.IsWhiteSpace);

    private static bool IsPrintable(ReadOnlySpan<byte> value) =>
        System.Text.Unicode.Utf8.IsValid(value) && !Encoding.UTF8.GetString(value).Any(char.IsControl);
}
