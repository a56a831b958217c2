using System.Buffers.Binary;
using System.Security.Cryptography;

namespace P2PLearn.Networking.Security;

/// <summary>A ChaCha20-Poly1305 key with its counter.</summary>
/// <remarks>
/// Source: Noise specification, 5.1 (CipherState) and 12.3: the nonce is 32 zero bits and the counter as 64 bits little-endian. The
/// last counter value is never used. One user at a time per instance. The key is erased by <see cref="Dispose"/>.
/// </remarks>
internal sealed class NoiseCipherState : IDisposable
{
    public const int KeyBytes = 32;

    private const int NonceBytes = 12;
    private readonly ChaCha20Poly1305 _aead;
    private ulong _counter;

    public NoiseCipherState(ReadOnlySpan<byte> key, ulong counter = 0)
    {
        _aead = new ChaCha20Poly1305(key);
        _counter = counter;
    }

    /// <summary>Whether no message can be sealed or opened any more.</summary>
    public bool Exhausted => _counter == ulong.MaxValue;

    /// <summary>Seals <paramref name="plaintext"/> into <paramref name="message"/>: ciphertext ‖ tag.</summary>
    /// <param name="associated">Authenticated with it, not encrypted.</param>
    /// <param name="plaintext">At most 65,519 bytes.</param>
    /// <param name="message">16 bytes longer than the plaintext; may begin where the plaintext does.</param>
    /// <exception cref="InvalidOperationException">The counter is used up.</exception>
    public void Seal(ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plaintext, Span<byte> message)
    {
        if (Exhausted)
        {
            throw new InvalidOperationException("the Noise nonce is used up");
        }

        Span<byte> nonce = stackalloc byte[NonceBytes];
        WriteNonce(nonce);
        _aead.Encrypt(nonce, plaintext, message[..plaintext.Length], message[plaintext.Length..], associated);
        _counter++;
    }

    /// <summary>Opens <paramref name="message"/> into <paramref name="plaintext"/>, which may be the same memory.</summary>
    /// <returns>False when the tag does not hold, the message is shorter than a tag, or the counter is used up.</returns>
    public bool TryOpen(ReadOnlySpan<byte> associated, ReadOnlySpan<byte> message, Span<byte> plaintext)
    {
        if (message.Length < NoiseFrame.TagBytes || Exhausted)
        {
            return false;
        }

        Span<byte> nonce = stackalloc byte[NonceBytes];
        WriteNonce(nonce);
        int length = message.Length - NoiseFrame.TagBytes;
        try
        {
            _aead.Decrypt(nonce, message[..length], message[length..], plaintext[..length], associated);
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }

        _counter++;
        return true;
    }

    public void Dispose() => _aead.Dispose();

    private void WriteNonce(Span<byte> nonce)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], _counter);
    }
}
