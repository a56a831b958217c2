using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace P2PLearn.Networking.Multiformats;

/// <summary>A digest that says which function made it: code, length, digest.</summary>
/// <remarks>
/// Source: multiformats multihash. A digest of a known function has that function's full length: truncated ones are refused, since
/// they weaken the hash without a sign of it. Identity "digests" are capped, as in other stacks. Immutable.
/// </remarks>
public sealed class Multihash : IEquatable<Multihash>
{
    /// <summary>Longest digest, the identity's included.</summary>
    public const int MaxDigestBytes = 128;

    private readonly byte[] _bytes;
    private readonly int _digestStart;

    private Multihash(ulong code, byte[] bytes, int digestStart)
    {
        Code = code;
        _bytes = bytes;
        _digestStart = digestStart;
    }

    /// <summary>The function, a code of <see cref="Multicodec"/>.</summary>
    public ulong Code { get; }

    /// <summary>Code, length and digest.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The digest alone.</summary>
    public ReadOnlySpan<byte> Digest => _bytes.AsSpan(_digestStart);

    /// <summary>SHA-256 of <paramref name="content"/>.</summary>
    public static Multihash Sha256(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, digest);
        return Create(Multicodec.Sha2With256Bits, digest);
    }

    /// <summary>Joins a function's code and a digest made elsewhere.</summary>
    /// <exception cref="ArgumentException">The digest does not have the function's length.</exception>
    public static Multihash Create(ulong code, ReadOnlySpan<byte> digest)
    {
        if (!HasAllowedLength(code, (ulong)digest.Length))
        {
            throw new ArgumentException($"{digest.Length} bytes are no digest of function 0x{code:x}", nameof(digest));
        }

        int start = Uvarint.GetLength(code) + Uvarint.GetLength((ulong)digest.Length);
        byte[] bytes = new byte[start + digest.Length];
        int written = Uvarint.Write(bytes, code);
        Uvarint.Write(bytes.AsSpan(written), (ulong)digest.Length);
        digest.CopyTo(bytes.AsSpan(start));
        return new Multihash(code, bytes, start);
    }

    /// <summary>Hashes <paramref name="content"/> with the function <paramref name="code"/>.</summary>
    /// <returns>False when this program does not compute that function, or the identity's cap is exceeded.</returns>
    public static bool TryCompute(ulong code, ReadOnlySpan<byte> content, [NotNullWhen(true)] out Multihash? multihash)
    {
        multihash = code switch
        {
            Multicodec.Identity when content.Length <= MaxDigestBytes => Create(code, content),
            Multicodec.Sha2With256Bits => Sha256(content),
            Multicodec.Sha2With512Bits => Create(code, SHA512.HashData(content)),
            Multicodec.Sha3With256Bits when SHA3_256.IsSupported => Create(code, SHA3_256.HashData(content)),
            _ => null,
        };
        return multihash is not null;
    }

    /// <summary>Reads a multihash from the start of untrusted bytes.</summary>
    /// <returns>False when it is incomplete, or has a length that its function does not make.</returns>
    public static bool TryRead(
        ReadOnlySpan<byte> source, [NotNullWhen(true)] out Multihash? multihash, out int bytesRead)
    {
        multihash = null;
        bytesRead = 0;
        if (!Uvarint.TryRead(source, out ulong code, out int codeBytes)
            || !Uvarint.TryRead(source[codeBytes..], out ulong length, out int lengthBytes)
            || !HasAllowedLength(code, length))
        {
            return false;
        }

        int start = codeBytes + lengthBytes;
        int end = start + (int)length;
        if (source.Length < end)
        {
            return false;
        }

        multihash = new Multihash(code, source[..end].ToArray(), start);
        bytesRead = end;
        return true;
    }

    /// <summary>Reads a multihash that is all of <paramref name="bytes"/>.</summary>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Multihash? multihash)
    {
        if (!TryRead(bytes, out multihash, out int bytesRead) || bytesRead != bytes.Length)
        {
            multihash = null;
        }

        return multihash is not null;
    }

    /// <summary>Whether <paramref name="content"/> hashes to this digest; false too when the function is not computed here.</summary>
    public bool Matches(ReadOnlySpan<byte> content) =>
        TryCompute(Code, content, out Multihash? actual) && CryptographicOperations.FixedTimeEquals(actual.Digest, Digest);

    /// <inheritdoc/>
    public bool Equals(Multihash? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Multihash);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>The whole multihash in hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(_bytes);

    private static bool HasAllowedLength(ulong code, ulong length) => code switch
    {
        Multicodec.Identity => length <= MaxDigestBytes,
        Multicodec.Sha1 => length == 20,
        Multicodec.Sha2With256Bits or Multicodec.Sha3With256Bits or Multicodec.Blake2bWith256Bits => length == 32,
        Multicodec.Sha2With512Bits => length == 64,
        _ => length is >= 1 and <= MaxDigestBytes, // BLAKE3 has any length; unknown functions are carried, not judged
    };
}
