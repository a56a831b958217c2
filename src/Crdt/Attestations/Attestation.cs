using System.Buffers.Binary;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Attestations;

/// <summary>What one peer says of itself or of what it saw, signed: one version of one kind in one run.</summary>
/// <remarks>
/// Immutable; equal when all fields are, the payload by its bytes. What is signed is <see cref="SignedBytes"/>,
/// everything but the signature.
/// <code>
/// signed bytes, integers big-endian:
///   23  "p2plearn-attestation-v1" in ASCII
///    1  kind
///   32  run
///    1  n, length of the peer id, 1 to 64
///    n  peer id
///    4  version
///    4  m, length of the payload, 0 to 4096
///    m  payload
/// </code>
/// </remarks>
public sealed record Attestation
{
    /// <summary>Longest payload in bytes.</summary>
    public const int MaxPayloadBytes = 4096;

    /// <summary>Most signed bytes: a peer id of 64 bytes and the longest payload.</summary>
    public const int MaxSignedBytes = 23 + 1 + 32 + 1 + ReplicaId.MaxBytes + 4 + 4 + MaxPayloadBytes;

    /// <summary>What it is about.</summary>
    public required AttestationKind Kind { get; init; }

    /// <summary>The training run.</summary>
    public required RunId Run { get; init; }

    /// <summary>The raw peer id of who attests, not empty.</summary>
    public required ReplicaId Peer { get; init; }

    /// <summary>
    /// Which version: a greater one replaces or follows a smaller one of the same kind, run and peer. Any number is
    /// valid; a peer that signs <see cref="uint.MaxValue"/> has nothing newer to say ever, and harms only itself.
    /// </summary>
    public required uint Version { get; init; }

    /// <summary>What is attested, 0 to <see cref="MaxPayloadBytes"/> bytes in a format of the kind. Not to be changed afterwards.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>The peer's signature over <see cref="SignedBytes"/>; all zero until signed.</summary>
    public Signature64 Signature { get; init; }

    /// <summary>
    /// Whether the payload belongs to the run as far as the bytes alone tell: settings of a run are those that the run
    /// id is the SHA-256 of, so nobody can attest others. True for the other kinds.
    /// </summary>
    public bool FitsRun => Kind != AttestationKind.RunSettings || RunId.Of(Payload.Span) == Run;

    /// <summary>The bytes to be signed, see the remarks of the type.</summary>
    /// <exception cref="ArgumentException"><see cref="Peer"/> is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="Payload"/> is too long.</exception>
    public byte[] SignedBytes()
    {
        Span<byte> buffer = stackalloc byte[MaxSignedBytes];
        return buffer[..WriteSignedBytes(buffer)].ToArray();
    }

    /// <summary>Whether the signature is the peer's over this attestation.</summary>
    public bool IsSigned(ISignatureVerifier verifier)
    {
        ArgumentNullException.ThrowIfNull(verifier);
        Span<byte> message = stackalloc byte[MaxSignedBytes];
        int length = WriteSignedBytes(message);
        Span<byte> signature = stackalloc byte[Signature64.Size];
        Signature.CopyTo(signature);
        return verifier.Verify(Peer, message[..length], signature);
    }

    /// <summary>Whether all fields are equal.</summary>
    public bool Equals(Attestation? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && Kind == other.Kind
            && Run == other.Run
            && Peer == other.Peer
            && CompareVersion(other) == 0);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Run, Peer, Version, Signature);

    /// <summary>
    /// The total order under one kind, run and peer: by version, then by the bytes of payload and signature. Of two
    /// with one version the greater is kept.
    /// </summary>
    internal int CompareVersion(Attestation other)
    {
        int order = Version.CompareTo(other.Version);
        order = order != 0 ? order : Payload.Span.SequenceCompareTo(other.Payload.Span);
        return order != 0 ? order : Signature.CompareTo(other.Signature);
    }

    private int WriteSignedBytes(Span<byte> destination)
    {
        ReplicaId.ThrowIfEmpty(Peer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Payload.Length, MaxPayloadBytes, nameof(Payload));
        SpanWriter writer = new(destination);
        writer.Write("p2plearn-attestation-v1"u8);
        writer.Take(1)[0] = (byte)Kind;
        Run.CopyTo(writer.Take(RunId.Size));
        writer.Take(1)[0] = (byte)Peer.Bytes.Length;
        writer.Write(Peer.Bytes);
        BinaryPrimitives.WriteUInt32BigEndian(writer.Take(sizeof(uint)), Version);
        BinaryPrimitives.WriteUInt32BigEndian(writer.Take(sizeof(uint)), (uint)Payload.Length);
        writer.Write(Payload.Span);
        return writer.Written;
    }
}
