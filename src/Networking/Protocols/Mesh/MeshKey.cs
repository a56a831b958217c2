using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>The secret that the members of a mesh share: 32 random bytes, written as 52 letters and digits.</summary>
/// <remarks><see cref="ToString"/> is the secret itself: for the one who shares it, never for a log. Immutable.</remarks>
public sealed class MeshKey
{
    /// <summary>Bytes of a key.</summary>
    public const int SizeInBytes = 32;

    private const int TextLength = 52; // 256 bits, 5 a character
    private readonly byte[] _bytes;

    private MeshKey(byte[] bytes) => _bytes = bytes;

    /// <summary>The bytes that the HMAC is keyed with.</summary>
    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Makes a new key.</summary>
    public static MeshKey Generate() => new(RandomNumberGenerator.GetBytes(SizeInBytes));

    /// <summary>Reads what <see cref="ToString"/> wrote, in either case.</summary>
    /// <returns>False for anything else.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out MeshKey? key)
    {
        key = text?.Length == TextLength
            && Multibase.TryDecodeBare(MultibaseEncoding.Base32, text, out byte[]? bytes)
            && bytes.Length == SizeInBytes
                ? new MeshKey(bytes)
                : null;
        return key is not null;
    }

    /// <summary>The key in base32 (RFC 4648, lower case, no padding): 52 characters of a–z and 2–7.</summary>
    public override string ToString() => Multibase.Encode(MultibaseEncoding.Base32, _bytes)[1..];
}
