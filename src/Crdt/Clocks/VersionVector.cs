using System.Collections.Immutable;
using P2PLearn.Crdt.Maps;

namespace P2PLearn.Crdt.Clocks;

/// <summary>Per replica, how many of its events have been seen: all of them up to that counter, without gaps.</summary>
/// <remarks>
/// Example: {a: 3, b: 1} has seen a's events 1, 2, 3 and b's event 1. A replica that is missing stands at 0, and none
/// is kept at 0. Join is the pointwise maximum. Immutable.
/// </remarks>
public sealed class VersionVector : ICrdt<VersionVector>
{
    private VersionVector(ImmutableSortedDictionary<ReplicaId, ulong> counters) => Counters = counters;

    /// <inheritdoc/>
    public static VersionVector Bottom { get; } = new(ImmutableSortedDictionary<ReplicaId, ulong>.Empty);

    /// <summary>The counters, by replica; all at least 1.</summary>
    public ImmutableSortedDictionary<ReplicaId, ulong> Counters { get; }

    /// <summary>How many of the replica's events have been seen.</summary>
    public ulong this[ReplicaId replica] => Counters.GetValueOrDefault(replica);

    /// <summary>Whether the event has been seen.</summary>
    public bool Contains(Dot dot) => dot.Counter <= this[dot.Replica];

    /// <summary>This vector with the replica at least at <paramref name="counter"/>.</summary>
    /// <exception cref="ArgumentException">The replica is empty.</exception>
    public VersionVector Raise(ReplicaId replica, ulong counter)
    {
        ReplicaId.ThrowIfEmpty(replica);
        return counter <= this[replica] ? this : new(Counters.SetItem(replica, counter));
    }

    /// <summary>Counts one more event of the replica.</summary>
    /// <exception cref="OverflowException">The replica has had 2⁶⁴ − 1 events.</exception>
    public (VersionVector State, VersionVector Delta) Increment(ReplicaId replica)
    {
        ulong counter = checked(this[replica] + 1);
        return (Raise(replica, counter), Bottom.Raise(replica, counter));
    }

    /// <summary>The pointwise maximum.</summary>
    public VersionVector Join(VersionVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Of(Counters.Join(other.Counters, Math.Max));
    }

    /// <summary>The pointwise minimum: what both have seen.</summary>
    /// <remarks>
    /// The meet of the vectors of all members is the causally stable frontier: no event at or below it can arrive any
    /// more, so what is kept only to order such events may be pruned.
    /// </remarks>
    public VersionVector Meet(VersionVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        VersionVector meet = Bottom;
        foreach ((ReplicaId replica, ulong counter) in Counters)
        {
            ulong both = Math.Min(counter, other[replica]);
            meet = both == 0 ? meet : meet.Raise(replica, both);
        }

        return meet;
    }

    /// <summary>Whether every event of the other vector is in this one.</summary>
    public bool Includes(VersionVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return other.Counters.All(entry => entry.Value <= this[entry.Key]);
    }

    /// <summary>How this vector stands to the other.</summary>
    public CausalOrder Compare(VersionVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Includes(other), other.Includes(this)) switch
        {
            (true, true) => CausalOrder.Equal,
            (true, false) => CausalOrder.After,
            (false, true) => CausalOrder.Before,
            _ => CausalOrder.Concurrent,
        };
    }

    /// <inheritdoc/>
    public bool Equals(VersionVector? other) => other is not null && Counters.SameAs(other.Counters);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VersionVector);

    /// <inheritdoc/>
    public override int GetHashCode() => Counters.Count;

    /// <summary>The vector of counters of which the caller knows that they are all at least 1.</summary>
    internal static VersionVector OfCounters(ImmutableSortedDictionary<ReplicaId, ulong> counters) =>
        counters.IsEmpty ? Bottom : new(counters);

    private VersionVector Of(ImmutableSortedDictionary<ReplicaId, ulong> counters) =>
        ReferenceEquals(counters, Counters) ? this : new(counters);
}
