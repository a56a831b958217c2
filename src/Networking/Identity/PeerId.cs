using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Identity;

/// <summary>Who a node is: the multihash of its public key.</summary>
/// <remarks>
/// Source: libp2p specs, peer-ids. Ed25519 keys are inlined (identity multihash, 36 bytes, text <c>12D3KooW…</c>); larger keys are
/// SHA-256 multihashes (34 bytes, <c>Qm…</c>). People see base58; where letters lose their case (DNS labels, Akka addresses) the
/// CIDv1 with codec libp2p-key in base36 stands for it (<c>k51q…</c>). Ordered by its bytes. Immutable.
/// </remarks>
public sealed class PeerId : IEquatable<PeerId>, IComparable<PeerId>
{
    /// <summary>Longest multihash accepted: identity of a key of at most 42 bytes, or SHA-256.</summary>
    public const int MaxBytes = 44;

    private const int MaxInlinedKeyBytes = 42;
    private const byte Cidv1 = 0x01;
    private const byte Libp2pKey = 0x72;
    private readonly byte[] _multihash;
    private readonly string _base58;
    private readonly int _hashCode;

    private PeerId(byte[] multihash)
    {
        _multihash = multihash;
        _base58 = SimpleBase.Base58.Bitcoin.Encode(multihash);

        // Seeded by the process: strangers choose ids, and must not be able to make them collide in our tables.
        var hash = new HashCode();
        hash.AddBytes(multihash);
        _hashCode = hash.ToHashCode();
    }

    /// <summary>The multihash bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _multihash;

    /// <summary>The peer id of a public key: the key itself when its encoding has at most 42 bytes, else its SHA-256.</summary>
    public static PeerId FromPublicKey(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        ReadOnlySpan<byte> encoded = key.Protobuf;
        byte[] multihash = encoded.Length <= MaxInlinedKeyBytes
            ? [0x00, (byte)encoded.Length, .. encoded]
            : [0x12, SHA256.HashSizeInBytes, .. SHA256.HashData(encoded)];
        return new PeerId(multihash);
    }

    /// <summary>Takes a peer id from its multihash bytes.</summary>
    /// <returns>False for anything but an identity multihash of 1–42 bytes or a SHA-256 multihash.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> multihash, [NotNullWhen(true)] out PeerId? peerId)
    {
        peerId = null;
        if (multihash.Length is < 3 or > MaxBytes || multihash[1] != multihash.Length - 2)
        {
            return false;
        }

        bool identity = multihash[0] == 0x00 && multihash[1] <= MaxInlinedKeyBytes;
        bool sha256 = multihash[0] == 0x12 && multihash[1] == 32;
        if (!identity && !sha256)
        {
            return false;
        }

        peerId = new PeerId(multihash.ToArray());
        return true;
    }

    /// <summary>Reads base58 (<c>12D3KooW…</c>, <c>Qm…</c>) or a CIDv1 with codec libp2p-key in base36 or base32.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PeerId? peerId)
    {
        peerId = null;
        if (string.IsNullOrEmpty(text) || text.Length > 128)
        {
            return false;
        }

        if (text[0] is 'k' or 'b')
        {
            return Multibase.TryDecode(text, out byte[]? cid)
                && cid is [Cidv1, Libp2pKey, ..]
                && TryFromBytes(cid.AsSpan(2), out peerId);
        }

        return Multibase.TryDecodeBare(MultibaseEncoding.Base58Btc, text, out byte[]? multihash)
            && TryFromBytes(multihash, out peerId);
    }

    /// <summary>Reads a peer id that the program itself wrote.</summary>
    /// <exception cref="FormatException">Not a peer id.</exception>
    public static PeerId Parse(string text) =>
        TryParse(text, out PeerId? peerId) ? peerId : throw new FormatException($"'{text}' is not a peer id");

    /// <summary>The public key that the id holds; false when the id is only a hash of it.</summary>
    public bool TryGetPublicKey([NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        return _multihash[0] == 0x00 && PublicKey.TryFromProtobuf(_multihash.AsSpan(2), out key);
    }

    /// <summary>The CIDv1 in base36, 62 characters for Ed25519: case-insensitive, fits a DNS label.</summary>
    public string ToBase36()
    {
        byte[] cid = [Cidv1, Libp2pKey, .. _multihash];
        return "k" + SimpleBase.Base36.LowerCase.Encode(cid);
    }

    /// <summary>The last eight characters of the base58 form: what tables and logs show.</summary>
    public string ToShortString() => _base58.Length <= 8 ? _base58 : _base58[^8..];

    /// <inheritdoc/>
    public override string ToString() => _base58;

    /// <inheritdoc/>
    public int CompareTo(PeerId? other) => other is null ? 1 : Bytes.SequenceCompareTo(other.Bytes);

    /// <inheritdoc/>
    public bool Equals(PeerId? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PeerId);

    /// <inheritdoc/>
    public override int GetHashCode() => _hashCode;

    /// <summary>Same bytes.</summary>
    public static bool operator ==(PeerId? left, PeerId? right) => Equals(left, right);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(PeerId? left, PeerId? right) => !Equals(left, right);

    /// <summary>Orders by bytes.</summary>
    public static bool operator <(PeerId left, PeerId right) => left.CompareTo(right) < 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >(PeerId left, PeerId right) => left.CompareTo(right) > 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator <=(PeerId left, PeerId right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by bytes.</summary>
    public static bool operator >=(PeerId left, PeerId right) => left.CompareTo(right) >= 0;
}
