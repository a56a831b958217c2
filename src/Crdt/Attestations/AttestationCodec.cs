using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Attestations;

/// <summary>One attestation in canonical MessagePack.</summary>
/// <remarks>
/// <code>
/// attestation = [ 1, kind: uint8, run: bin 32, peer: bin 1..64, version ]
/// version     = [ number: uint32, payload: bin 0..4096, signature: bin 64 ]
/// </code>
/// Decoding checks form, not signatures.
/// </remarks>
public sealed class AttestationCodec : IElementCodec<Attestation>
{
    /// <summary>The version of the format this codec writes and reads.</summary>
    public const uint Version = 1;

    private const int Fields = 5;
    private const int VersionFields = 3;

    /// <summary>The codec; it has no state.</summary>
    public static AttestationCodec Default { get; } = new();

    /// <summary>The canonical bytes of an attestation.</summary>
    public static byte[] Encode(Attestation attestation) => CanonicalEncoding.Encode(Default, attestation);

    /// <summary>Reads an attestation that fills <paramref name="bytes"/> exactly.</summary>
    /// <returns>False, with the reason, for anything but canonical bytes within the limits.</returns>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes,
        CrdtLimits limits,
        [NotNullWhen(true)] out Attestation? attestation,
        out DecodeError error) =>
        CanonicalEncoding.TryDecode(Default, bytes, limits, out attestation, out error);

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, Attestation value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(Fields);
        writer.Write(Version);
        writer.Write((byte)value.Kind);
        ContributionCodec.WriteRun(ref writer, value.Run);
        ElementCodecs.Replica.Write(ref writer, value.Peer);
        WriteVersion(ref writer, value);
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out Attestation value)
    {
        value = null;
        return reader.TryBeginTuple(Fields)
            && reader.TryReadUInt32(out uint version)
            && (version == Version || reader.Fail(DecodeError.UnsupportedVersion))
            && TryReadKind(ref reader, out AttestationKind kind)
            && ContributionCodec.TryReadRun(ref reader, out RunId run)
            && reader.TryReadKey(ElementCodecs.Replica, out ReplicaId peer)
            && TryReadVersion(ref reader, kind, run, peer, Attestation.MaxPayloadBytes, out value)
            && reader.End();
    }

    internal static bool TryReadKind(ref CrdtReader reader, out AttestationKind kind)
    {
        bool read = reader.TryReadByte(out byte number);
        kind = (AttestationKind)number;
        return read && (AttestationKinds.IsKnown(kind) || reader.Fail(DecodeError.InvalidValue));
    }

    /// <summary>Writes what an attestation says beside its kind, run and peer.</summary>
    internal static void WriteVersion(ref MessagePackWriter writer, Attestation value)
    {
        writer.WriteArrayHeader(VersionFields);
        writer.Write(value.Version);
        writer.Write(value.Payload.Span);
        Span<byte> signature = stackalloc byte[Signature64.Size];
        value.Signature.CopyTo(signature);
        writer.Write(signature);
    }

    /// <summary>Reads what an attestation says beside its kind, run and peer.</summary>
    internal static bool TryReadVersion(
        ref CrdtReader reader,
        AttestationKind kind,
        RunId run,
        ReplicaId peer,
        int maxPayloadBytes,
        [NotNullWhen(true)] out Attestation? value)
    {
        value = null;
        if (!reader.TryBeginTuple(VersionFields)
            || !reader.TryReadUInt32(out uint number)
            || !reader.TryReadBytes(out ReadOnlySpan<byte> payload)
            || !(payload.Length <= maxPayloadBytes || reader.Fail(DecodeError.ValueTooLong))
            || !reader.TryReadFixedBytes(Signature64.Size, out ReadOnlySpan<byte> signature))
        {
            return false;
        }

        value = new Attestation
        {
            Kind = kind,
            Run = run,
            Peer = peer,
            Version = number,
            Payload = payload.ToArray(),
            Signature = Signature64.FromBytes(signature),
        };
        return reader.End();
    }
}
