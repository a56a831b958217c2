using System.Security.Cryptography;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Tests.Contributions;

/// <summary>
/// A stand-in for Ed25519, which this project does not know: the first half is a keyed hash, the second half repeats
/// a nonce, so that one statement has several valid signatures, as a dishonest Ed25519 signer can make them.
/// </summary>
internal sealed class TestSigner : ISignatureVerifier
{
    /// <summary>How many signatures were checked.</summary>
    public int Verified { get; private set; }

    public static byte[] Sign(ReplicaId peer, ReadOnlySpan<byte> message, byte nonce)
    {
        byte[] signature = new byte[Signature64.Size];
        signature.AsSpan(32).Fill(nonce);
        HMACSHA256.HashData(peer.Bytes, [.. message, nonce], signature);
        return signature;
    }

    public bool Verify(ReplicaId peer, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        Verified++;
        return signature.SequenceEqual(Sign(peer, message, signature[^1]));
    }
}
