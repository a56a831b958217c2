using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using SimpleBase;

namespace P2PLearn.Networking.Multiformats;

/// <summary>The text encodings that a multibase prefix may announce; the value is the prefix.</summary>
[SuppressMessage("Design", "CA1008:Enums should have zero value", Justification = "The values are the prefixes of the specification.")]
public enum MultibaseEncoding
{
    /// <summary>Hexadecimal, lower case.</summary>
    Base16 = 'f',

    /// <summary>Base32 of RFC 4648, lower case, without padding: the usual form of a CID.</summary>
    Base32 = 'b',

    /// <summary>Base36, lower case: fits a DNS label.</summary>
    Base36 = 'k',

    /// <summary>Base58 with Bitcoin's alphabet.</summary>
    Base58Btc = 'z',

    /// <summary>Base64 for URLs, without padding.</summary>
    Base64Url = 'u',
}

/// <summary>Bytes as text behind a letter that names the encoding.</summary>
/// <remarks>
/// Source: multiformats multibase. Only canonical text is read: what <see cref="Encode"/> would write for the same bytes, in either
/// case where the alphabet has no case. Base36 and base58 cost O(n²), hence the cap on the length.
/// </remarks>
public static class Multibase
{
    /// <summary>Longest text read, prefix included.</summary>
    public const int MaxTextLength = 1024;

    /// <summary>Writes <paramref name="bytes"/> with the prefix of <paramref name="encoding"/>.</summary>
    public static string Encode(MultibaseEncoding encoding, ReadOnlySpan<byte> bytes) =>
        (char)encoding + EncodeBare(encoding, bytes);

    /// <summary>Reads text with a prefix.</summary>
    /// <returns>False for an unknown prefix, a text longer than <see cref="MaxTextLength"/>, or text that is not canonical.</returns>
    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.Length is 0 or > MaxTextLength || !Enum.IsDefined((MultibaseEncoding)text[0]))
        {
            return false;
        }

        return TryDecodeBare((MultibaseEncoding)text[0], text[1..], out bytes);
    }

    internal static bool TryDecodeBare(
        MultibaseEncoding encoding, ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.Length >= MaxTextLength || text.ContainsAnyExceptInRange('!', '~')) // SimpleBase reads past its table at DEL
        {
            return false;
        }

        try
        {
            bytes = DecodeBare(encoding, text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException)
        {
            return false; // SimpleBase and the base library say "not in the alphabet" by these
        }

        if (IsCanonical(encoding, text, bytes))
        {
            return true;
        }

        bytes = null;
        return false;
    }

    private static bool IsCanonical(MultibaseEncoding encoding, ReadOnlySpan<char> text, byte[] bytes)
    {
        bool caseless = encoding is MultibaseEncoding.Base16 or MultibaseEncoding.Base32 or MultibaseEncoding.Base36;
        return text.Equals(
            EncodeBare(encoding, bytes), caseless ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
    }

    private static string EncodeBare(MultibaseEncoding encoding, ReadOnlySpan<byte> bytes) => encoding switch
    {
        _ when bytes.IsEmpty => string.Empty,
        MultibaseEncoding.Base16 => Convert.ToHexStringLower(bytes),
        MultibaseEncoding.Base32 => Base32.FileCoin.Encode(bytes), // RFC 4648, lower case, no padding
        MultibaseEncoding.Base36 => Base36.LowerCase.Encode(bytes),
        MultibaseEncoding.Base58Btc => Base58.Bitcoin.Encode(bytes),
        MultibaseEncoding.Base64Url => Base64Url.EncodeToString(bytes),
        _ => throw new ArgumentOutOfRangeException(nameof(encoding)),
    };

    private static byte[] DecodeBare(MultibaseEncoding encoding, ReadOnlySpan<char> text) => encoding switch
    {
        _ when text.IsEmpty => [],
        MultibaseEncoding.Base16 => Convert.FromHexString(text),
        MultibaseEncoding.Base32 => Base32.Rfc4648.Decode(text),
        MultibaseEncoding.Base36 => Base36.LowerCase.Decode(text.ToString().ToLowerInvariant()),
        MultibaseEncoding.Base58Btc => Base58.Bitcoin.Decode(text),
        MultibaseEncoding.Base64Url => Base64Url.DecodeFromChars(text),
        _ => throw new ArgumentOutOfRangeException(nameof(encoding)),
    };
}
