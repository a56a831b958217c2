using Akka.DistributedData;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Replication;

/// <summary>A <see cref="ContributionSet"/> as Akka.DistributedData carries it: the set, and what changed since the last delta was sent.</summary>
/// <remarks>
/// A delta is a set of the same type. Merging checks nothing: what comes from other nodes was filtered when it was read, by
/// <see cref="CrdtSerializer"/>, because the replicator takes an entry that it does not have yet without merging it. Immutable.
/// </remarks>
public sealed class ReplicatedContributions :
    IDeltaReplicatedData<ReplicatedContributions, ReplicatedContributions>, IReplicatedDelta, IReplicatedDeltaSize
{
    private readonly ContributionSet? _delta;

    private ReplicatedContributions(ContributionSet set, ContributionSet? delta)
    {
        Set = set;
        _delta = delta;
    }

    /// <summary>Nothing.</summary>
    public static ReplicatedContributions Empty { get; } = new(ContributionSet.Bottom, null);

    /// <summary>The contributions.</summary>
    public ContributionSet Set { get; }

    /// <inheritdoc/>
    public ReplicatedContributions Delta => _delta is null ? Empty : new ReplicatedContributions(_delta, null);

    /// <inheritdoc/>
    public IDeltaReplicatedData Zero => Empty;

    /// <summary>How many entries it has; large deltas are sent as the whole set.</summary>
    public int DeltaSize => Math.Max(1, Set.Count);

    IReplicatedDelta IDeltaReplicatedData.Delta => _delta is null ? null! : Delta; // null: nothing to send

    /// <summary>A set that came from elsewhere, with nothing to tell of it.</summary>
    public static ReplicatedContributions Of(ContributionSet set) => new(set, null);

    /// <summary>This with contributions of this node's own; what is new is the delta.</summary>
    public ReplicatedContributions With(ContributionSet added)
    {
        ContributionSet joined = Set.Join(added);
        return joined.Equals(Set) ? this : new ReplicatedContributions(joined, _delta?.Join(added) ?? added);
    }

    /// <summary>This without the run's rounds below <paramref name="below"/>; the watermark is the delta.</summary>
    public ReplicatedContributions Prune(RunId run, uint below) => With(Set.Prune(run, below).Delta);

    /// <inheritdoc/>
    public ReplicatedContributions Merge(ReplicatedContributions other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ContributionSet joined = Set.Join(other.Set);
        return ReferenceEquals(joined, Set) && _delta is null ? this : new ReplicatedContributions(joined, null);
    }

    /// <inheritdoc/>
    public IReplicatedData Merge(IReplicatedData other) => Merge((ReplicatedContributions)other);

    /// <inheritdoc/>
    public ReplicatedContributions MergeDelta(ReplicatedContributions delta) => Merge(delta);

    /// <inheritdoc/>
    public ReplicatedContributions ResetDelta() => _delta is null ? this : new ReplicatedContributions(Set, null);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ReplicatedContributions other && Set.Equals(other.Set);

    /// <inheritdoc/>
    public override int GetHashCode() => Set.GetHashCode();

    IReplicatedData IDeltaReplicatedData.MergeDelta(IReplicatedDelta delta) => Merge((ReplicatedContributions)delta);

    IReplicatedData IDeltaReplicatedData.ResetDelta() => ResetDelta();
}

/// <summary>The key of a shard of contributions.</summary>
/// <param name="id">Its name.</param>
public sealed class ContributionsKey(string id) : Key<ReplicatedContributions>(id)
{
    /// <summary>The keys of all shards.</summary>
    public static IReadOnlyList<ContributionsKey> Shards { get; } =
        [.. Enumerable.Range(0, ReplicationOptions.ShardCount).Select(shard => new ContributionsKey($"contributions-{shard}"))];
}
