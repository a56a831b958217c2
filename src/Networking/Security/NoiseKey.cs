using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace P2PLearn.Networking.Security;

/// <summary>An X25519 key pair of one handshake, static or ephemeral; never stored.</summary>
internal sealed class NoiseKey : IDisposable
{
    public const int PublicBytes = 32;

    private readonly Key _key;

    private NoiseKey(Key key)
    {
        _key = key;
        Public = key.Export(KeyBlobFormat.RawPublicKey);
    }

    public byte[] Public { get; }

    public static NoiseKey Generate() => new(Key.Create(KeyAgreementAlgorithm.X25519));

    /// <summary>For published vectors, which fix the keys.</summary>
    public static NoiseKey FromPrivate(ReadOnlySpan<byte> raw) =>
        new(Key.Import(KeyAgreementAlgorithm.X25519, raw, KeyBlobFormat.RawPrivateKey));

    /// <summary>The shared secret with a remote's public key; the caller clears it.</summary>
    /// <returns>False when the result is all zero: the remote chose a point of low order to fix our keys.</returns>
    public bool TryAgree(ReadOnlySpan<byte> remotePublic, [NotNullWhen(true)] out byte[]? secret)
    {
        secret = null;
        bool isKey = PublicKey.TryImport(
            KeyAgreementAlgorithm.X25519, remotePublic, KeyBlobFormat.RawPublicKey, out PublicKey? remote);
        if (!isKey || remote is null)
        {
            return false;
        }

        var exportable = new SharedSecretCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };
        using SharedSecret? shared = KeyAgreementAlgorithm.X25519.Agree(_key, remote, exportable);
        byte[]? raw = shared?.Export(SharedSecretBlobFormat.RawSharedSecret);
        Span<byte> zero = stackalloc byte[PublicBytes];
        zero.Clear();
        if (raw is null || CryptographicOperations.FixedTimeEquals(raw, zero))
        {
            return false;
        }

        secret = raw;
        return true;
    }

    public void Dispose() => _key.Dispose();
}
