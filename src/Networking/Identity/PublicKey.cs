using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using Google.Protobuf;
using NSec.Cryptography;
using P2PLearn.Networking.Identity.Wire;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Identity;

/// <summary>The kinds of identity keys that libp2p knows; the value is the one on the wire.</summary>
public enum KeyType
{
    /// <summary>RSA, PKIX form.</summary>
    Rsa = 0,

    /// <summary>Ed25519, 32 raw bytes: the one key that every implementation takes, and the only one we sign and verify with.</summary>
    Ed25519 = 1,

    /// <summary>ECDSA over secp256k1, compressed point.</summary>
    Secp256k1 = 2,

    /// <summary>ECDSA over a NIST curve, PKIX form.</summary>
    Ecdsa = 3,
}

/// <summary>What a signature check found.</summary>
public enum SignatureCheck
{
    /// <summary>The key made this signature over this message.</summary>
    Valid,

    /// <summary>It did not.</summary>
    Invalid,

    /// <summary>Keys of this type are read for their peer id, not verified with.</summary>
    UnsupportedKeyType,
}

/// <summary>A peer's public key.</summary>
/// <remarks>
/// Source: libp2p specs, peer-ids, Keys. Encoded deterministically: type, then data, both always written (RSA keys start <c>08 00</c>).
/// Immutable and safe for several threads.
/// </remarks>
public sealed class PublicKey : IEquatable<PublicKey>
{
    /// <summary>Longest encoding read: an RSA key of 8192 bits takes about 1,070 bytes.</summary>
    public const int MaxProtobufBytes = 1200;

    /// <summary>Smallest RSA modulus accepted.</summary>
    public const int MinRsaBits = 2048;

    /// <summary>Largest RSA modulus accepted: beyond it a verification takes seconds (CVE-2023-39533).</summary>
    public const int MaxRsaBits = 8192;

    private const int MaxEcdsaBytes = 512;
    private readonly byte[] _protobuf;
    private readonly int _dataStart;
    private readonly NSec.Cryptography.PublicKey? _ed25519;
    private PeerId? _peerId;

    private PublicKey(KeyType type, byte[] protobuf, int dataStart, NSec.Cryptography.PublicKey? ed25519)
    {
        Type = type;
        _protobuf = protobuf;
        _dataStart = dataStart;
        _ed25519 = ed25519;
    }

    /// <summary>The kind of key.</summary>
    public KeyType Type { get; }

    /// <summary>The key itself in the form of its type.</summary>
    public ReadOnlySpan<byte> Data => _protobuf.AsSpan(_dataStart);

    /// <summary>The deterministic protobuf encoding: what peer ids are made of.</summary>
    public ReadOnlySpan<byte> Protobuf => _protobuf;

    /// <summary>Whom this key names.</summary>
    public PeerId PeerId => _peerId ??= PeerId.FromPublicKey(this);

    /// <summary>Takes an Ed25519 public key of 32 bytes.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static PublicKey FromEd25519(ReadOnlySpan<byte> raw) =>
        TryCreate(KeyType.Ed25519, raw, out PublicKey? key)
            ? key
            : throw new ArgumentException("an Ed25519 public key has 32 bytes", nameof(raw));

    /// <summary>Reads the protobuf encoding from untrusted bytes.</summary>
    /// <returns>False for a malformed message, an unknown type, or a key outside its type's bounds.</returns>
    public static bool TryFromProtobuf(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        return BoundedProtobuf.TryParse(KeyMessage.Parser, bytes, MaxProtobufBytes, out KeyMessage? message)
            && message is { HasType: true, HasData: true }
            && TryCreate((KeyType)message.Type, message.Data.Span, out key);
    }

    /// <summary>Checks a signature over <paramref name="message"/>.</summary>
    public SignatureCheck Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (_ed25519 is null)
        {
            return SignatureCheck.UnsupportedKeyType;
        }

        return SignatureAlgorithm.Ed25519.Verify(_ed25519, message, signature) ? SignatureCheck.Valid : SignatureCheck.Invalid;
    }

    /// <inheritdoc/>
    public bool Equals(PublicKey? other) => other is not null && Protobuf.SequenceEqual(other.Protobuf);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => PeerId.GetHashCode();

    /// <summary>The type and the peer id.</summary>
    public override string ToString() => $"{Type} key of {PeerId}";

    private static bool TryCreate(KeyType type, ReadOnlySpan<byte> data, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        NSec.Cryptography.PublicKey? ed25519 = null;
        bool allowed = type switch
        {
            KeyType.Ed25519 => NSec.Cryptography.PublicKey.TryImport(
                SignatureAlgorithm.Ed25519, data, KeyBlobFormat.RawPublicKey, out ed25519),
            KeyType.Secp256k1 => data.Length == 33 && data[0] is 0x02 or 0x03,
            KeyType.Ecdsa => data.Length is >= 4 and <= MaxEcdsaBytes,
            KeyType.Rsa => RsaBits(data) is >= MinRsaBits and <= MaxRsaBits,
            _ => false,
        };
        if (!allowed)
        {
            return false;
        }

        byte[] protobuf = Encode(type, data);
        key = new PublicKey(type, protobuf, protobuf.Length - data.Length, ed25519);
        return true;
    }

    private static byte[] Encode(KeyType type, ReadOnlySpan<byte> data) =>
        new KeyMessage { Type = (KeyTypeCode)type, Data = ByteString.CopyFrom(data) }.ToByteArray();

    /// <summary>Bits of the modulus of a PKIX RSA key, or null when it is none.</summary>
    private static int? RsaBits(ReadOnlySpan<byte> pkix)
    {
        try
        {
            AsnReader info = new AsnReader(pkix.ToArray(), AsnEncodingRules.DER).ReadSequence();
            _ = info.ReadSequence(); // algorithm
            AsnReader key = new AsnReader(info.ReadBitString(out _), AsnEncodingRules.DER).ReadSequence();
            ReadOnlySpan<byte> modulus = key.ReadIntegerBytes().Span;
            modulus = modulus.TrimStart((byte)0);
            return modulus.IsEmpty ? 0 : (modulus.Length * 8) - System.Numerics.BitOperations.LeadingZeroCount((uint)modulus[0]) + 24;
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return null;
        }
    }
}
