using System.Collections.Immutable;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Maps;

namespace P2PLearn.Crdt.Counters;

/// <summary>A counter that only grows: each replica counts for itself, the value is the sum.</summary>
/// <remarks>
/// Source: Almeida et al., Delta State Replicated Data Types, 2018, section 4.1. Join is the pointwise maximum, so a
/// replica must go on from its own last state. Immutable.
/// </remarks>
public sealed class GCounter : ICrdt<GCounter>
{
    private GCounter(ImmutableSortedDictionary<ReplicaId, ulong> counts) => Counts = counts;

    /// <inheritdoc/>
    public static GCounter Bottom { get; } = new(ImmutableSortedDictionary<ReplicaId, ulong>.Empty);

    /// <summary>What each replica has counted; all at least 1.</summary>
    public ImmutableSortedDictionary<ReplicaId, ulong> Counts { get; }

    /// <summary>The sum over all replicas.</summary>
    public UInt128 Value => Counts.Values.Aggregate(UInt128.Zero, static (sum, count) => sum + count);

    /// <summary>Adds to the replica's own count.</summary>
    /// <returns>The new state, and its one entry that changed; unchanged and bottom for an amount of 0.</returns>
    /// <exception cref="ArgumentException">The replica is empty.</exception>
    /// <exception cref="OverflowException">The replica's count would exceed 2⁶⁴ − 1.</exception>
    public (GCounter State, GCounter Delta) Increment(ReplicaId replica, ulong amount = 1)
    {
        ReplicaId.ThrowIfEmpty(replica);
        if (amount == 0)
        {
            return (this, Bottom);
        }

        ulong count = checked(Counts.GetValueOrDefault(replica) + amount);
        return (new(Counts.SetItem(replica, count)), new(Bottom.Counts.SetItem(replica, count)));
    }

    /// <summary>The pointwise maximum.</summary>
    public GCounter Join(GCounter other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ImmutableSortedDictionary<ReplicaId, ulong> counts = Counts.Join(other.Counts, Math.Max);
        return ReferenceEquals(counts, Counts) ? this : new(counts);
    }

    /// <inheritdoc/>
    public bool Equals(GCounter? other) => other is not null && Counts.SameAs(other.Counts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GCounter);

    /// <inheritdoc/>
    public override int GetHashCode() => Value.GetHashCode();

    /// <summary>The counter of counts of which the caller knows that they are all at least 1.</summary>
    internal static GCounter OfCounts(ImmutableSortedDictionary<ReplicaId, ulong> counts) =>
        counts.IsEmpty ? Bottom : new(counts);
}
