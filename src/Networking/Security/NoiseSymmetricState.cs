using System.Security.Cryptography;

namespace P2PLearn.Networking.Security;

/// <summary>The chaining key and the transcript hash of a handshake.</summary>
/// <remarks>Source: Noise specification, 5.2 (SymmetricState), with SHA-256 and ChaCha20-Poly1305.</remarks>
internal sealed class NoiseSymmetricState : IDisposable
{
    private readonly byte[] _chainingKey = new byte[SHA256.HashSizeInBytes];
    private readonly byte[] _hash = new byte[SHA256.HashSizeInBytes];
    private NoiseCipherState? _cipher;

    public NoiseSymmetricState(ReadOnlySpan<byte> protocolName, ReadOnlySpan<byte> prologue)
    {
        protocolName.CopyTo(_hash); // a name of exactly 32 bytes is its own hash
        _hash.CopyTo(_chainingKey, 0);
        MixHash(prologue);
    }

    public void MixHash(ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(_hash);
        hash.AppendData(data);
        hash.GetHashAndReset(_hash);
    }

    public void MixKey(ReadOnlySpan<byte> secret)
    {
        Span<byte> output = stackalloc byte[2 * NoiseCipherState.KeyBytes];
        Expand(secret, output);
        output[..32].CopyTo(_chainingKey);
        _cipher?.Dispose();
        _cipher = new NoiseCipherState(output[32..]);
        CryptographicOperations.ZeroMemory(output);
    }

    /// <summary>Writes to the start of <paramref name="message"/> what stands for <paramref name="plaintext"/>.</summary>
    /// <returns>The number of bytes written: 16 more than the plaintext once there is a key.</returns>
    public int EncryptAndHash(ReadOnlySpan<byte> plaintext, Span<byte> message)
    {
        int length = plaintext.Length + (_cipher is null ? 0 : NoiseFrame.TagBytes);
        if (_cipher is null)
        {
            plaintext.CopyTo(message);
        }
        else
        {
            _cipher.Seal(_hash, plaintext, message[..length]);
        }

        MixHash(message[..length]);
        return length;
    }

    /// <summary>Reads what <see cref="EncryptAndHash"/> wrote.</summary>
    /// <returns>False when the tag does not hold.</returns>
    public bool TryDecryptAndHash(ReadOnlySpan<byte> message, Span<byte> plaintext)
    {
        if (_cipher is null)
        {
            message.CopyTo(plaintext);
        }
        else if (!_cipher.TryOpen(_hash, message, plaintext))
        {
            return false;
        }

        MixHash(message);
        return true;
    }

    /// <summary>The two ciphers of the channel: the initiator's direction first. The caller disposes them.</summary>
    public (NoiseCipherState FromInitiator, NoiseCipherState FromResponder) Split()
    {
        Span<byte> output = stackalloc byte[2 * NoiseCipherState.KeyBytes];
        Expand([], output);
        var ciphers = (new NoiseCipherState(output[..32]), new NoiseCipherState(output[32..]));
        CryptographicOperations.ZeroMemory(output);
        return ciphers;
    }

    public void Dispose()
    {
        _cipher?.Dispose();
        CryptographicOperations.ZeroMemory(_chainingKey);
    }

    /// <summary>Noise specification, 4.3: HKDF with two outputs. (OpenSSL's HKDF refuses the empty secret that Split needs.)</summary>
    private void Expand(ReadOnlySpan<byte> secret, Span<byte> output)
    {
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(_chainingKey, secret, key);
        HMACSHA256.HashData(key, [1], output[..32]);
        Span<byte> second = stackalloc byte[SHA256.HashSizeInBytes + 1];
        output[..32].CopyTo(second);
        second[^1] = 2;
        HMACSHA256.HashData(key, second, output[32..]);
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(second);
    }
}
