using System.Buffers.Binary;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Contributions;

/// <summary>The signed statement of one peer: "this is my model of this round".</summary>
/// <remarks>
/// Immutable. What is signed is <see cref="SignedBytes"/>, everything but the signature. The signature over a hash of
/// the model is what makes it evident when a peer tells different peers different things: see
/// <see cref="Equivocation"/>.
/// <code>
/// signed bytes, integers big-endian:
///   24  "p2plearn-contribution-v1" in ASCII
///   32  run
///    4  round
///    1  n, length of the peer id, 1 to 64
///    n  peer id
///   32  root
///    1  0 = no base, 1 = base follows
///   32  base, only after 1
///    1  codec
///   32  layout hash
///    8  length of the model bytes
///    4  sample count
/// </code>
/// </remarks>
public sealed record Contribution
{
    /// <summary>Most signed bytes: a peer id of 64 bytes, and a base.</summary>
    public const int MaxSignedBytes = 24 + 32 + 4 + 1 + ReplicaId.MaxBytes + 32 + 1 + 32 + 1 + 32 + 8 + 4;

    /// <summary>The training run.</summary>
    public required RunId Run { get; init; }

    /// <summary>The round, counted from 0.</summary>
    public required uint Round { get; init; }

    /// <summary>The raw peer id of the contributor, not empty.</summary>
    public required ReplicaId Peer { get; init; }

    /// <summary>The SHA-256 of the encoded model bytes.</summary>
    public required Hash256 Root { get; init; }

    /// <summary>
    /// The root of the contributor's earlier contribution that the model bytes are relative to; none for a full
    /// model.
    /// </summary>
    public Hash256? Base { get; init; }

    /// <summary>How the model bytes are encoded.</summary>
    public ModelCodec Codec { get; init; }

    /// <summary>The hash of the model's layout (names and shapes of the parameters).</summary>
    public required Hash256 LayoutHash { get; init; }

    /// <summary>Length of the encoded model in bytes, as claimed.</summary>
    public required ulong ModelBytes { get; init; }

    /// <summary>How many samples the contributor trained on, as claimed.</summary>
    public required uint SampleCount { get; init; }

    /// <summary>The contributor's signature over <see cref="SignedBytes"/>; all zero until signed.</summary>
    public Signature64 Signature { get; init; }

    /// <summary>The bytes to be signed, see the remarks of the type.</summary>
    /// <exception cref="ArgumentException"><see cref="Peer"/> is empty.</exception>
    public byte[] SignedBytes()
    {
        Span<byte> buffer = stackalloc byte[MaxSignedBytes];
        return buffer[..WriteSignedBytes(buffer)].ToArray();
    }

    /// <summary>Whether the signature is the peer's over this contribution.</summary>
    public bool IsSigned(ISignatureVerifier verifier)
    {
        ArgumentNullException.ThrowIfNull(verifier);
        Span<byte> message = stackalloc byte[MaxSignedBytes];
        int length = WriteSignedBytes(message);
        Span<byte> signature = stackalloc byte[Signature64.Size];
        Signature.CopyTo(signature);
        return verifier.Verify(Peer, message[..length], signature);
    }

    /// <summary>Whether the other contribution has the same run, round and peer.</summary>
    public bool HasSameKey(Contribution other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Run == other.Run && Round == other.Round && Peer == other.Peer;
    }

    /// <summary>
    /// The total order of statements under one key: root, base (none first), codec, layout, length, samples. Zero
    /// when they say the same, whatever the signatures.
    /// </summary>
    internal int CompareStatement(Contribution other)
    {
        int order = Root.CompareTo(other.Root);
        order = order != 0 ? order : Nullable.Compare(Base, other.Base);
        order = order != 0 ? order : Codec.CompareTo(other.Codec);
        order = order != 0 ? order : LayoutHash.CompareTo(other.LayoutHash);
        order = order != 0 ? order : ModelBytes.CompareTo(other.ModelBytes);
        return order != 0 ? order : SampleCount.CompareTo(other.SampleCount);
    }

    private int WriteSignedBytes(Span<byte> destination)
    {
        ReplicaId.ThrowIfEmpty(Peer);
        SpanWriter writer = new(destination);
        writer.Write("p2plearn-contribution-v1"u8);
        Run.CopyTo(writer.Take(RunId.Size));
        BinaryPrimitives.WriteUInt32BigEndian(writer.Take(sizeof(uint)), Round);
        writer.Take(1)[0] = (byte)Peer.Bytes.Length;
        writer.Write(Peer.Bytes);
        Root.CopyTo(writer.Take(Hash256.Size));
        writer.Take(1)[0] = Base is null ? (byte)0 : (byte)1;
        Base?.CopyTo(writer.Take(Hash256.Size));
        writer.Take(1)[0] = (byte)Codec;
        LayoutHash.CopyTo(writer.Take(Hash256.Size));
        BinaryPrimitives.WriteUInt64BigEndian(writer.Take(sizeof(ulong)), ModelBytes);
        BinaryPrimitives.WriteUInt32BigEndian(writer.Take(sizeof(uint)), SampleCount);
        return writer.Written;
    }
}
