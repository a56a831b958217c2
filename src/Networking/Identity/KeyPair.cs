using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;
using P2PLearn.Networking.Identity.Wire;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Identity;

/// <summary>A node's Ed25519 identity: it signs, and its public key is the peer id.</summary>
/// <remarks>
/// Source: libp2p specs, peer-ids, Keys. The private key lives in guarded memory until disposal. Signing is deterministic (RFC 8032)
/// and safe for several threads.
/// </remarks>
public sealed class KeyPair : IDisposable
{
    /// <summary>Bytes of a signature.</summary>
    public const int SignatureBytes = 64;

    /// <summary>Bytes of the seed, the private key proper.</summary>
    public const int SeedBytes = 32;

    private const int MaxProtobufBytes = 128;
    private readonly Key _key;

    private KeyPair(Key key)
    {
        _key = key;
        PublicKey = PublicKey.FromEd25519(key.Export(KeyBlobFormat.RawPublicKey));
    }

    /// <summary>The public half.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>Who this is.</summary>
    public PeerId PeerId => PublicKey.PeerId;

    private static KeyCreationParameters Exportable => new() { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };

    /// <summary>Makes a new identity from the system's randomness.</summary>
    public static KeyPair Generate() => new(Key.Create(SignatureAlgorithm.Ed25519, Exportable));

    /// <summary>The identity of a seed of 32 bytes.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static KeyPair FromSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedBytes)
        {
            throw new ArgumentException("a seed has 32 bytes", nameof(seed));
        }

        return new KeyPair(Key.Import(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey, Exportable));
    }

    /// <summary>Reads the protobuf form of a private key: seed ‖ public, or the old seed ‖ public ‖ public.</summary>
    /// <returns>False for another type, another length, or a public half that is not the seed's.</returns>
    public static bool TryFromProtobuf(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out KeyPair? keyPair)
    {
        keyPair = null;
        if (!BoundedProtobuf.TryParse(KeyMessage.Parser, bytes, MaxProtobufBytes, out KeyMessage? message)
            || message.Type != KeyTypeCode.Ed25519
            || message.Data.Length is not (64 or 96))
        {
            return false;
        }

        ReadOnlySpan<byte> data = message.Data.Span;
        KeyPair read = FromSeed(data[..SeedBytes]);
        for (int at = SeedBytes; at < data.Length; at += 32)
        {
            if (!data.Slice(at, 32).SequenceEqual(read.PublicKey.Data))
            {
                read.Dispose();
                return false;
            }
        }

        keyPair = read;
        return true;
    }

    /// <summary>The protobuf form, seed ‖ public inside; the caller clears it after use.</summary>
    public byte[] ToProtobuf()
    {
        byte[] protobuf = [0x08, (byte)KeyType.Ed25519, 0x12, 64, .. new byte[64]];
        byte[] seed = _key.Export(KeyBlobFormat.RawPrivateKey);
        seed.CopyTo(protobuf.AsSpan(4));
        PublicKey.Data.CopyTo(protobuf.AsSpan(4 + SeedBytes));
        CryptographicOperations.ZeroMemory(seed);
        return protobuf;
    }

    /// <summary>Signs <paramref name="message"/>.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        byte[] signature = new byte[SignatureBytes];
        Sign(message, signature);
        return signature;
    }

    /// <summary>Signs <paramref name="message"/> into <paramref name="signature"/>, 64 bytes.</summary>
    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature) =>
        SignatureAlgorithm.Ed25519.Sign(_key, message, signature);

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
