using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Actors.Replication;

/// <summary>How the replicated state lies in the tables of <see cref="ReplicationDatabase"/>.</summary>
/// <remarks>
/// <code>
/// table                id, integers big-endian           content
/// 1  contributions     run 32, round 4, peer 1..64       the canonical set of this entry alone: one statement, or two of an equivocation
/// 2  attestations      kind 1, run 32, version 4, peer   the canonical attestation
/// 3  watermarks        run 32                            the round below which the run is pruned, 4 bytes big-endian
/// </code>
/// A content says its own id too, so a row that stands under another is found. Reading checks form only.
/// </remarks>
internal static class ReplicationRows
{
    public const int Contributions = 1;
    public const int Attestations = 2;
    public const int Watermarks = 3;

    public static byte[] IdOf((RunId Run, uint Round, ReplicaId Peer) key) => [.. key.Run.ToByteArray(), .. Number(key.Round), .. key.Peer.Bytes];

    public static byte[] IdOf((AttestationKind Kind, RunId Run, uint Version, ReplicaId Peer) key) =>
        [(byte)key.Kind, .. key.Run.ToByteArray(), .. Number(key.Version), .. key.Peer.Bytes];

    public static byte[] IdOf(RunId run) => run.ToByteArray();

    public static (RunId Run, uint Round, ReplicaId Peer) KeyOf(ContributionEntry entry) => (entry.First.Run, entry.First.Round, entry.First.Peer);

    public static (AttestationKind Kind, RunId Run, uint Version, ReplicaId Peer) KeyOf(Attestation attestation) =>
        (attestation.Kind, attestation.Run, attestation.Version, attestation.Peer);

    public static byte[] ContentOf(ContributionEntry entry) => ContributionSetCodec.Encode(SetOf(entry));

    public static byte[] ContentOf(Attestation attestation) => AttestationCodec.Encode(attestation);

    public static byte[] ContentOf(uint watermark) => Number(watermark);

    /// <summary>The contributions of an entry.</summary>
    public static IEnumerable<Contribution> StatementsOf(ContributionEntry entry) => entry.Second is null ? [entry.First] : [entry.First, entry.Second];

    public static bool TryRead(StoredEntry row, [NotNullWhen(true)] out ContributionEntry? entry)
    {
        entry = ContributionSetCodec.TryDecode(row.Content, ContributionLimits.Default, out ContributionSet? set, out _) && set.Count == 1
            ? set.Entries.First()
            : null;
        return entry is not null && row.Id.AsSpan().SequenceEqual(IdOf(KeyOf(entry))) && SetOf(entry).Equals(set);
    }

    public static bool TryRead(StoredEntry row, [NotNullWhen(true)] out Attestation? attestation) =>
        AttestationCodec.TryDecode(row.Content, CrdtLimits.Default, out attestation, out _) && row.Id.AsSpan().SequenceEqual(IdOf(KeyOf(attestation)));

    public static bool TryRead(StoredEntry row, out RunId run, out uint watermark)
    {
        bool read = row.Id.Length == RunId.Size && row.Content.Length == sizeof(uint);
        run = read ? RunId.FromBytes(row.Id) : default;
        watermark = read ? BinaryPrimitives.ReadUInt32BigEndian(row.Content) : 0;
        return read && watermark > 0;
    }

    private static ContributionSet SetOf(ContributionEntry entry) =>
        StatementsOf(entry).Aggregate(ContributionSet.Bottom, (set, statement) => set.Add(statement).State);

    private static byte[] Number(uint number)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return bytes;
    }
}
