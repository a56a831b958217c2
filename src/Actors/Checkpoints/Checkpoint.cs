using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>A member's word that it keeps its own model of a round, and under which root.</summary>
/// <remarks>
/// The payload of an attestation of kind <see cref="AttestationKind.Checkpoint"/>, whose version is the round; integers big-endian:
/// <code>
/// +---------+-------------+---------------+-----------------------------------+
/// | 1       | root digest | bytes of the  | accuracy, bits of a float32;      |
/// | version | SHA-256     | model         | NaN when it was not measured      |
/// +---------+-------------+---------------+-----------------------------------+
///   1         32            8               4
/// </code>
/// </remarks>
/// <param name="Run">The run.</param>
/// <param name="Round">The round that the model is the result of, from 1.</param>
/// <param name="Maker">Whose model.</param>
/// <param name="Root">CID of its manifest.</param>
/// <param name="ModelBytes">Bytes of the model, as claimed.</param>
/// <param name="Accuracy">On test images of the maker, in [0, 1], as claimed; null when not measured.</param>
public sealed record Checkpoint(RunId Run, uint Round, PeerId Maker, Cid Root, long ModelBytes, double? Accuracy)
{
    /// <summary>Bytes of the payload.</summary>
    public const int PayloadBytes = 1 + 32 + 8 + 4;

    private const byte Version = 1;

    /// <summary>The payload.</summary>
    public byte[] Encode()
    {
        byte[] payload = new byte[PayloadBytes];
        payload[0] = Version;
        Root.Hash.Digest.CopyTo(payload.AsSpan(1));
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(33), (ulong)ModelBytes);
        BinaryPrimitives.WriteSingleBigEndian(payload.AsSpan(41), (float)(Accuracy ?? double.NaN));
        return payload;
    }

    /// <summary>Reads what a member attested.</summary>
    /// <param name="attestation">Validly signed; otherwise untrusted.</param>
    /// <param name="checkpoint">The checkpoint.</param>
    public static bool TryRead(Attestation attestation, [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        ArgumentNullException.ThrowIfNull(attestation);
        checkpoint = null;
        ReadOnlySpan<byte> payload = attestation.Payload.Span;
        if (attestation is not { Kind: AttestationKind.Checkpoint, Version: >= 1 } || payload.Length != PayloadBytes || payload[0] != Version
            || !PeerId.TryFromBytes(attestation.Peer.Bytes, out PeerId? maker))
        {
            return false;
        }

        ulong bytes = BinaryPrimitives.ReadUInt64BigEndian(payload[33..]);
        float accuracy = BinaryPrimitives.ReadSingleBigEndian(payload[41..]);
        if (bytes is 0 or > long.MaxValue)
        {
            return false;
        }

        checkpoint = new Checkpoint(
            attestation.Run, attestation.Version, maker, Cid.ForRawDigest(payload.Slice(1, 32)), (long)bytes, accuracy is >= 0 and <= 1 ? accuracy : null);
        return true;
    }
}
