using System.Collections.Immutable;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Maps;
using ByPeer = System.Collections.Immutable.ImmutableSortedDictionary<P2PLearn.Crdt.Clocks.ReplicaId, P2PLearn.Crdt.Attestations.AttestationVersions>;
using ByRun = System.Collections.Immutable.ImmutableSortedDictionary<P2PLearn.Crdt.Contributions.RunId, System.Collections.Immutable.ImmutableSortedDictionary<P2PLearn.Crdt.Clocks.ReplicaId, P2PLearn.Crdt.Attestations.AttestationVersions>>;

namespace P2PLearn.Crdt.Attestations;

/// <summary>What peers attest, the newest few versions of each: signed attestations by (kind, run, peer), as a delta-state CRDT.</summary>
/// <remarks>
/// The lattice is a map from kind, run and peer to the newest versions; see <see cref="AttestationVersions"/> for why
/// keeping the newest few is a join. Join checks no signatures: a replica takes foreign sets in through
/// <see cref="Merge"/>. Immutable; persistent sorted maps, so adding to n entries costs O(log n) and shares the rest.
/// All enumerations ascend by kind, run, peer, version.
/// </remarks>
public sealed class AttestationSet : ICrdt<AttestationSet>
{
    private AttestationSet(ImmutableSortedDictionary<AttestationKind, ByRun> byKind, int count, int payloadBytes)
    {
        ByKind = byKind;
        Count = count;
        PayloadBytes = payloadBytes;
    }

    /// <inheritdoc/>
    public static AttestationSet Bottom { get; } = new(ImmutableSortedDictionary<AttestationKind, ByRun>.Empty, 0, 0);

    /// <summary>How many attestations there are, each version counted.</summary>
    public int Count { get; }

    /// <summary>Bytes of all payloads together.</summary>
    public int PayloadBytes { get; }

    /// <summary>Whether this is <see cref="Bottom"/>: there is none.</summary>
    public bool IsBottom => Count == 0;

    /// <summary>Every attestation kept.</summary>
    public IEnumerable<Attestation> All =>
        from runs in ByKind.Values
        from peers in runs.Values
        from versions in peers.Values
        from attestation in versions.Ascending
        select attestation;

    /// <summary>The runs that anything is attested of, each once, ascending.</summary>
    public IEnumerable<RunId> Runs => ByKind.Values.SelectMany(runs => runs.Keys).Distinct().Order();

    /// <summary>The versions; no level is empty.</summary>
    internal ImmutableSortedDictionary<AttestationKind, ByRun> ByKind { get; }

    /// <summary>Adds one attestation, whose signature the caller has checked or made.</summary>
    /// <returns>The new state and what to send; both unchanged and bottom when the attestation is known or older than
    /// what is kept.</returns>
    /// <exception cref="ArgumentException">An unknown kind, an empty peer, or a payload that is too long.</exception>
    public (AttestationSet State, AttestationSet Delta) Add(Attestation attestation)
    {
        ArgumentNullException.ThrowIfNull(attestation);
        ReplicaId.ThrowIfEmpty(attestation.Peer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            attestation.Payload.Length, Attestation.MaxPayloadBytes, nameof(attestation));
        if (!AttestationKinds.IsKnown(attestation.Kind))
        {
            throw new ArgumentException($"{attestation.Kind} is no kind of attestation", nameof(attestation));
        }

        AttestationVersions added = new(attestation);
        AttestationSet state = With(added);
        return ReferenceEquals(state, this) ? (this, Bottom) : (state, Bottom.With(added));
    }

    /// <summary>The least upper bound. This set itself when <paramref name="other"/> brings nothing new.</summary>
    /// <remarks>Costs O(m log n) for a delta of m entries. Checks no signatures.</remarks>
    public AttestationSet Join(AttestationSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (AttestationSet joined, AttestationSet smaller) = Count >= other.Count ? (this, other) : (other, this);
        IEnumerable<AttestationVersions> slots =
            from runs in smaller.ByKind.Values
            from peers in runs.Values
            from versions in peers.Values
            select versions;
        return slots.Aggregate(joined, static (set, versions) => set.With(versions));
    }

    /// <summary>
    /// Takes in a foreign state or delta: what is within the scope, within its limits and validly signed.
    /// </summary>
    /// <remarks>
    /// Attestations that this set holds already, or newer ones of, are not verified. The rest of the foreign set is
    /// dropped and counted. Any version is taken as it is: a peer that signs the greatest one cannot replace that
    /// statement of its own any more, and touches nobody else's.
    /// </remarks>
    /// <param name="foreign">Decoded, otherwise untrusted.</param>
    /// <param name="verifier">Checks each new attestation.</param>
    /// <param name="scope">What this replica wants to hold.</param>
    public AttestationMerge Merge(AttestationSet foreign, ISignatureVerifier verifier, AttestationScope scope)
    {
        ArgumentNullException.ThrowIfNull(foreign);
        ArgumentNullException.ThrowIfNull(verifier);
        ArgumentNullException.ThrowIfNull(scope);
        AttestationAdmission admission = new(this, verifier, scope);
        foreach (Attestation attestation in foreign.All)
        {
            admission.Admit(attestation);
        }

        return admission.Result();
    }

    /// <summary>All kept versions of all peers of one kind in one run, by peer and version.</summary>
    public IEnumerable<Attestation> Of(AttestationKind kind, RunId run) =>
        PeersOf(kind, run).Values.SelectMany(versions => versions.Ascending);

    /// <summary>The newest version of one peer, if it attested anything of the kind in the run.</summary>
    public Attestation? Newest(AttestationKind kind, RunId run, ReplicaId peer) =>
        PeersOf(kind, run).GetValueOrDefault(peer)?.Newest;

    /// <summary>Whether exactly this attestation is among those kept.</summary>
    public bool Contains(Attestation attestation)
    {
        ArgumentNullException.ThrowIfNull(attestation);
        return PeersOf(attestation.Kind, attestation.Run).TryGetValue(attestation.Peer, out AttestationVersions? versions)
            && versions.Ascending.Contains(attestation);
    }

    /// <summary>The SHA-256 of the canonical bytes. Costs O(n): encode and hash.</summary>
    public Hash256 Digest() => Hash256.FromBytes(CanonicalEncoding.Digest(AttestationSetCodec.Default, this));

    /// <inheritdoc/>
    public bool Equals(AttestationSet? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && Count == other.Count
            && PayloadBytes == other.PayloadBytes
            && ByKind.SameAs(other.ByKind, static (a, b) => a.SameAs(b, static (c, d) => c.SameAs(d))));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AttestationSet);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, PayloadBytes);

    /// <summary>How many runs have attestations of a kind.</summary>
    internal int RunCountOf(AttestationKind kind) => RunsOf(kind).Count;

    /// <summary>How many peers have attestations of a kind in a run.</summary>
    internal int PeerCountOf(AttestationKind kind, RunId run) => PeersOf(kind, run).Count;

    /// <summary>This set joined with versions of one peer; itself when they bring nothing new.</summary>
    internal AttestationSet With(AttestationVersions added)
    {
        (AttestationKind kind, RunId run, ReplicaId peer) = (added.Newest.Kind, added.Newest.Run, added.Newest.Peer);
        ByRun runs = RunsOf(kind);
        ByPeer peers = runs.GetValueOrDefault(run, ByPeer.Empty);
        AttestationVersions? before = peers.GetValueOrDefault(peer);
        AttestationVersions after = before?.Join(added) ?? added;
        return ReferenceEquals(before, after)
            ? this
            : new(
                ByKind.SetItem(kind, runs.SetItem(run, peers.SetItem(peer, after))),
                Count + after.Count - (before?.Count ?? 0),
                PayloadBytes + after.PayloadBytes - (before?.PayloadBytes ?? 0));
    }

    private ByRun RunsOf(AttestationKind kind) => ByKind.GetValueOrDefault(kind, ByRun.Empty);

    private ByPeer PeersOf(AttestationKind kind, RunId run) => RunsOf(kind).GetValueOrDefault(run, ByPeer.Empty);
}
