using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Networking.Multiformats;

/// <summary>The name of content by its hash.</summary>
/// <remarks>
/// Source: multiformats cid. Version 0 is a bare SHA-256 multihash that implies dag-pb (34 bytes, text <c>Qm…</c>); version 1 is
/// 0x01, codec, multihash (text in any multibase, usually <c>b…</c>). Immutable.
/// </remarks>
public sealed class Cid : IEquatable<Cid>
{
    /// <summary>Longest CID in bytes: version, codec, and the longest multihash.</summary>
    public const int MaxBytes = 1 + Uvarint.MaxBytes + Uvarint.MaxBytes + 2 + Multihash.MaxDigestBytes;

    private const int Version0Bytes = 34;
    private const int Version0TextLength = 46;
    private readonly byte[] _bytes;

    private Cid(int version, ulong codec, Multihash hash, byte[] bytes)
    {
        Version = version;
        Codec = codec;
        Hash = hash;
        _bytes = bytes;
    }

    /// <summary>0 or 1.</summary>
    public int Version { get; }

    /// <summary>What the content is, a code of <see cref="Multicodec"/>.</summary>
    public ulong Codec { get; }

    /// <summary>The hash of the content.</summary>
    public Multihash Hash { get; }

    /// <summary>The binary form.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The version 1 CID of raw <paramref name="content"/>, by SHA-256.</summary>
    public static Cid ForRaw(ReadOnlySpan<byte> content) => Create(Multicodec.Raw, Multihash.Sha256(content));

    /// <summary>The version 1 CID of raw content whose SHA-256 digest was computed elsewhere.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static Cid ForRawDigest(ReadOnlySpan<byte> sha256) =>
        Create(Multicodec.Raw, Multihash.Create(Multicodec.Sha2With256Bits, sha256));

    /// <summary>A version 1 CID.</summary>
    public static Cid Create(ulong codec, Multihash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        int codecBytes = Uvarint.GetLength(codec);
        byte[] bytes = new byte[1 + codecBytes + hash.Bytes.Length];
        bytes[0] = 1;
        Uvarint.Write(bytes.AsSpan(1), codec);
        hash.Bytes.CopyTo(bytes.AsSpan(1 + codecBytes));
        return new Cid(1, codec, hash, bytes);
    }

    /// <summary>A version 0 CID.</summary>
    /// <exception cref="ArgumentException">Not a SHA-256 multihash.</exception>
    public static Cid CreateVersion0(Multihash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        return hash.Code == Multicodec.Sha2With256Bits
            ? new Cid(0, Multicodec.DagPb, hash, hash.Bytes.ToArray())
            : throw new ArgumentException("version 0 has SHA-256 only", nameof(hash));
    }

    /// <summary>Reads a CID that is all of the untrusted <paramref name="bytes"/>.</summary>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Cid? cid)
    {
        cid = null;
        if (bytes.Length == Version0Bytes && bytes[0] == Multicodec.Sha2With256Bits && bytes[1] == 32)
        {
            return Multihash.TryFromBytes(bytes, out Multihash? bare) && (cid = CreateVersion0(bare)) is not null;
        }

        if (bytes.Length is < 4 or > MaxBytes
            || bytes[0] != 1
            || !Uvarint.TryRead(bytes[1..], out ulong codec, out int codecBytes)
            || !Multihash.TryFromBytes(bytes[(1 + codecBytes)..], out Multihash? hash))
        {
            return false;
        }

        cid = Create(codec, hash);
        return true;
    }

    /// <summary>Reads <c>Qm…</c> or the text of version 1 in any multibase.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Cid? cid)
    {
        cid = null;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        if (text.Length == Version0TextLength && text.StartsWith("Qm", StringComparison.Ordinal))
        {
            return Multibase.TryDecodeBare(MultibaseEncoding.Base58Btc, text, out byte[]? bare)
                && TryFromBytes(bare, out cid);
        }

        // A version 0 CID behind a multibase prefix is no CID: it has one text only.
        return Multibase.TryDecode(text, out byte[]? bytes) && bytes is [1, ..] && TryFromBytes(bytes, out cid);
    }

    /// <summary>The same content as a version 1 CID.</summary>
    public Cid ToVersion1() => Version == 1 ? this : Create(Codec, Hash);

    /// <summary>Whether <paramref name="content"/> is what this CID names; false too when its hash is not computed here.</summary>
    public bool Matches(ReadOnlySpan<byte> content) => Hash.Matches(content);

    /// <summary><c>Qm…</c> for version 0, base32 (<c>b…</c>) for version 1.</summary>
    public override string ToString() =>
        Version == 0 ? Multibase.Encode(MultibaseEncoding.Base58Btc, _bytes)[1..] : ToString(MultibaseEncoding.Base32);

    /// <summary>The text of a version 1 CID in an encoding of choice.</summary>
    /// <exception cref="InvalidOperationException">Version 0 has one text only.</exception>
    public string ToString(MultibaseEncoding encoding) =>
        Version == 1
            ? Multibase.Encode(encoding, _bytes)
            : throw new InvalidOperationException("a version 0 CID has no multibase text");

    /// <inheritdoc/>
    public bool Equals(Cid? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Cid);

    /// <inheritdoc/>
    public override int GetHashCode() => Hash.GetHashCode();

    /// <summary>Same bytes.</summary>
    public static bool operator ==(Cid? left, Cid? right) => Equals(left, right);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(Cid? left, Cid? right) => !Equals(left, right);
}
