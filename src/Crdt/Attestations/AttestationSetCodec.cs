using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Attestations;

/// <summary>A set of attestations, state or delta, in canonical MessagePack.</summary>
/// <remarks>
/// <code>
/// set  = [ 1, [ kind … ] ]                   kinds strictly ascending
/// kind = [ number: uint8, [ run … ] ]        at least one run, strictly ascending by id
/// run  = [ id: bin 32, [ peer … ] ]          at least one peer, strictly ascending
/// peer = [ id: bin 1..64, [ version … ] ]    1 to as many versions as are kept of the kind, strictly ascending by number
/// </code>
/// <c>version</c> as in <see cref="AttestationCodec"/>. Decoding checks form, not signatures: a decoded set is merged
/// by <see cref="AttestationSet.Merge"/>.
/// </remarks>
/// <param name="limits">What is accepted.</param>
public sealed class AttestationSetCodec(AttestationLimits limits) : IElementCodec<AttestationSet>
{
    /// <summary>The version of the format this codec writes and reads.</summary>
    public const uint Version = 1;

    private readonly AttestationLimits _limits = limits ?? throw new ArgumentNullException(nameof(limits));

    /// <summary>The codec with <see cref="AttestationLimits.Default"/>.</summary>
    public static AttestationSetCodec Default { get; } = new(AttestationLimits.Default);

    /// <summary>The canonical bytes of a set.</summary>
    public static byte[] Encode(AttestationSet set) => CanonicalEncoding.Encode(Default, set);

    /// <summary>Reads a set that fills <paramref name="bytes"/> exactly.</summary>
    /// <returns>False, with the reason, for anything but canonical bytes within the limits.</returns>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes,
        AttestationLimits limits,
        [NotNullWhen(true)] out AttestationSet? set,
        out DecodeError error)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return CanonicalEncoding.TryDecode(new AttestationSetCodec(limits), bytes, limits.Encoding, out set, out error);
    }

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, AttestationSet value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(2);
        writer.Write(Version);
        writer.WriteArrayHeader(value.ByKind.Count);
        foreach ((AttestationKind kind, var runs) in value.ByKind)
        {
            writer.WriteArrayHeader(2);
            writer.Write((byte)kind);
            writer.WriteArrayHeader(runs.Count);
            foreach ((RunId run, var peers) in runs)
            {
                writer.WriteArrayHeader(2);
                ContributionCodec.WriteRun(ref writer, run);
                writer.WriteArrayHeader(peers.Count);
                foreach ((ReplicaId peer, AttestationVersions versions) in peers)
                {
                    WritePeer(ref writer, peer, versions);
                }
            }
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out AttestationSet value)
    {
        value = null;
        if (!reader.TryBeginTuple(2)
            || !reader.TryReadUInt32(out uint version)
            || !(version == Version || reader.Fail(DecodeError.UnsupportedVersion))
            || !reader.TryBeginArray(out int count))
        {
            return false;
        }

        AttestationSet set = AttestationSet.Bottom;
        AttestationKind previous = 0;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadKind(ref reader, ref set, previous, out AttestationKind kind))
            {
                return false;
            }

            previous = kind;
        }

        value = set;
        return reader.End() && reader.End();
    }

    private static void WritePeer(ref MessagePackWriter writer, ReplicaId peer, AttestationVersions versions)
    {
        writer.WriteArrayHeader(2);
        ElementCodecs.Replica.Write(ref writer, peer);
        writer.WriteArrayHeader(versions.Count);
        foreach (Attestation attestation in versions.Ascending)
        {
            AttestationCodec.WriteVersion(ref writer, attestation);
        }
    }

    private static bool TryBeginList(ref CrdtReader reader, int max, out int count) =>
        reader.TryBeginArray(out count)
        && (count > 0 || reader.Fail(DecodeError.NotCanonical))
        && (count <= max || reader.Fail(DecodeError.TooManyEntries));

    private static bool IsAscending(ref CrdtReader reader, bool ascending) =>
        ascending || reader.Fail(DecodeError.OutOfOrder);

    private bool TryReadKind(
        ref CrdtReader reader, ref AttestationSet set, AttestationKind previousKind, out AttestationKind kind)
    {
        kind = default;
        if (!reader.TryBeginTuple(2)
            || !AttestationCodec.TryReadKind(ref reader, out kind)
            || !IsAscending(ref reader, previousKind < kind)
            || !TryBeginList(ref reader, _limits.MaxRuns, out int count))
        {
            return false;
        }

        RunId? previous = null;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadRun(ref reader, ref set, kind, previous, out RunId run))
            {
                return false;
            }

            previous = run;
        }

        return reader.End() && reader.End();
    }

    private bool TryReadRun(
        ref CrdtReader reader, ref AttestationSet set, AttestationKind kind, RunId? previousRun, out RunId run)
    {
        run = default;
        if (!reader.TryBeginTuple(2)
            || !ContributionCodec.TryReadRun(ref reader, out run)
            || !IsAscending(ref reader, previousRun is null || previousRun < run)
            || !TryBeginList(ref reader, _limits.MaxPeersPerRun, out int count))
        {
            return false;
        }

        ReplicaId previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadPeer(ref reader, ref set, kind, run, previous, out ReplicaId peer))
            {
                return false;
            }

            previous = peer;
        }

        return reader.End() && reader.End();
    }

    private bool TryReadPeer(
        ref CrdtReader reader,
        ref AttestationSet set,
        AttestationKind kind,
        RunId run,
        ReplicaId previousPeer,
        out ReplicaId peer)
    {
        peer = default;
        int room = Math.Min(AttestationKinds.KeptVersions(kind), _limits.MaxEntries - set.Count);
        if (!reader.TryBeginTuple(2)
            || !reader.TryReadKey(ElementCodecs.Replica, out peer)
            || !IsAscending(ref reader, previousPeer < peer)
            || !TryBeginList(ref reader, room, out int count))
        {
            return false;
        }

        uint? previous = null;
        for (int i = 0; i < count; i++)
        {
            int payloadRoom = Math.Min(_limits.MaxPayloadBytes, _limits.MaxTotalPayloadBytes - set.PayloadBytes);
            if (!AttestationCodec.TryReadVersion(ref reader, kind, run, peer, payloadRoom, out Attestation? read)
                || !IsAscending(ref reader, previous is null || previous < read.Version))
            {
                return false;
            }

            set = set.With(new AttestationVersions(read));
            previous = read.Version;
        }

        return reader.End() && reader.End();
    }
}
