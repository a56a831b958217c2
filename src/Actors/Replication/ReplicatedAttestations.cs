using Akka.DistributedData;
using P2PLearn.Crdt.Attestations;

namespace P2PLearn.Actors.Replication;

/// <summary>An <see cref="AttestationSet"/> as Akka.DistributedData carries it: the set, and what changed since the last delta was sent.</summary>
/// <remarks>
/// As with <see cref="ReplicatedContributions"/> a delta is a set of the same type, and merging checks nothing: what comes from other nodes was
/// filtered when it was read, by <see cref="CrdtSerializer"/>. Immutable.
/// </remarks>
public sealed class ReplicatedAttestations :
    IDeltaReplicatedData<ReplicatedAttestations, ReplicatedAttestations>, IReplicatedDelta, IReplicatedDeltaSize
{
    private readonly AttestationSet? _delta;

    private ReplicatedAttestations(AttestationSet set, AttestationSet? delta)
    {
        Set = set;
        _delta = delta;
    }

    /// <summary>Nothing.</summary>
    public static ReplicatedAttestations Empty { get; } = new(AttestationSet.Bottom, null);

    /// <summary>The attestations.</summary>
    public AttestationSet Set { get; }

    /// <inheritdoc/>
    public ReplicatedAttestations Delta => _delta is null ? Empty : new ReplicatedAttestations(_delta, null);

    /// <inheritdoc/>
    public IDeltaReplicatedData Zero => Empty;

    /// <summary>How many attestations it has; large deltas are sent as the whole set.</summary>
    public int DeltaSize => Math.Max(1, Set.Count);

    IReplicatedDelta IDeltaReplicatedData.Delta => _delta is null ? null! : Delta; // null: nothing to send

    /// <summary>A set that came from elsewhere, with nothing to tell of it.</summary>
    public static ReplicatedAttestations Of(AttestationSet set) => new(set, null);

    /// <summary>This with attestations of this node's own; what is new is the delta.</summary>
    public ReplicatedAttestations With(AttestationSet added)
    {
        AttestationSet joined = Set.Join(added);
        return joined.Equals(Set) ? this : new ReplicatedAttestations(joined, _delta?.Join(added) ?? added);
    }

    /// <inheritdoc/>
    public ReplicatedAttestations Merge(ReplicatedAttestations other)
    {
        ArgumentNullException.ThrowIfNull(other);
        AttestationSet joined = Set.Join(other.Set);
        return ReferenceEquals(joined, Set) && _delta is null ? this : new ReplicatedAttestations(joined, null);
    }

    /// <inheritdoc/>
    public IReplicatedData Merge(IReplicatedData other) => Merge((ReplicatedAttestations)other);

    /// <inheritdoc/>
    public ReplicatedAttestations MergeDelta(ReplicatedAttestations delta) => Merge(delta);

    /// <inheritdoc/>
    public ReplicatedAttestations ResetDelta() => _delta is null ? this : new ReplicatedAttestations(Set, null);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ReplicatedAttestations other && Set.Equals(other.Set);

    /// <inheritdoc/>
    public override int GetHashCode() => Set.GetHashCode();

    IReplicatedData IDeltaReplicatedData.MergeDelta(IReplicatedDelta delta) => Merge((ReplicatedAttestations)delta);

    IReplicatedData IDeltaReplicatedData.ResetDelta() => ResetDelta();
}

/// <summary>The key of a shard of attestations.</summary>
/// <param name="id">Its name.</param>
public sealed class AttestationsKey(string id) : Key<ReplicatedAttestations>(id)
{
    /// <summary>The keys of all shards.</summary>
    public static IReadOnlyList<AttestationsKey> Shards { get; } =
        [.. Enumerable.Range(0, ReplicationOptions.ShardCount).Select(shard => new AttestationsKey($"attestations-{shard}"))];

    /// <summary>The key of this id, if it is a shard's: members agree on them, so no other is ever taken.</summary>
    internal static AttestationsKey? Find(string id) => Shards.FirstOrDefault(shard => shard.Id == id);
}
