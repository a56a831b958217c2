using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Contributions;

/// <summary>Checks signatures of peers. This project knows no key types; the peer id carries the public key.</summary>
public interface ISignatureVerifier
{
    /// <summary>Whether <paramref name="signature"/> is the peer's over <paramref name="message"/>.</summary>
    /// <param name="peer">The raw peer id, untrusted: false when it holds no usable key.</param>
    /// <param name="message">The signed bytes; borrowed for the call.</param>
    /// <param name="signature">64 bytes; borrowed for the call.</param>
    /// <returns>Never throws for bad input: false.</returns>
    bool Verify(ReplicaId peer, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);
}
