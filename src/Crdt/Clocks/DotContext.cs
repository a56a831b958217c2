using System.Collections.Immutable;

namespace P2PLearn.Crdt.Clocks;

/// <summary>
/// The set of all events seen, gaps included: a version vector, and a cloud of the events beyond its gaps.
/// </summary>
/// <remarks>
/// Source: Almeida et al., Delta State Replicated Data Types, 2018, section 7.1 (causal context). Always compact: an
/// event in the cloud is not in the vector and not the next one after it, so equal sets have equal representations.
/// Join is the union. Immutable.
/// </remarks>
public sealed class DotContext : ICrdt<DotContext>
{
    private DotContext(VersionVector vector, ImmutableSortedSet<Dot> cloud) => (Vector, Cloud) = (vector, cloud);

    /// <inheritdoc/>
    public static DotContext Bottom { get; } = new(VersionVector.Bottom, []);

    /// <summary>The events seen without gaps.</summary>
    public VersionVector Vector { get; }

    /// <summary>The events seen beyond a gap.</summary>
    public ImmutableSortedSet<Dot> Cloud { get; }

    /// <summary>The context of exactly these events.</summary>
    /// <exception cref="ArgumentException">A replica is empty or a counter 0.</exception>
    public static DotContext Of(IEnumerable<Dot> dots)
    {
        ArgumentNullException.ThrowIfNull(dots);
        ImmutableSortedSet<Dot> cloud = [.. dots];
        foreach (Dot dot in cloud)
        {
            ReplicaId.ThrowIfEmpty(dot.Replica, nameof(dots));
            ArgumentOutOfRangeException.ThrowIfZero(dot.Counter, nameof(dots));
        }

        return Compact(VersionVector.Bottom, cloud);
    }

    /// <summary>Whether the event has been seen.</summary>
    public bool Contains(Dot dot) => Vector.Contains(dot) || Cloud.Contains(dot);

    /// <summary>The replica's next event: one after the last of its events that was seen, even beyond a gap.</summary>
    /// <exception cref="ArgumentException">The replica is empty.</exception>
    /// <exception cref="OverflowException">The replica has had 2⁶⁴ − 1 events.</exception>
    public Dot Next(ReplicaId replica)
    {
        ReplicaId.ThrowIfEmpty(replica);
        ulong last = Vector[replica];
        foreach (Dot dot in Cloud)
        {
            last = dot.Replica == replica ? dot.Counter : last; // ascending, and above the vector
        }

        return new Dot(replica, checked(last + 1));
    }

    /// <summary>The union of both sets of events; this context itself when the other brings nothing new.</summary>
    public DotContext Join(DotContext other)
    {
        ArgumentNullException.ThrowIfNull(other);
        VersionVector vector = Vector.Join(other.Vector);
        ImmutableSortedSet<Dot> cloud = Cloud.Union(other.Cloud);
        return ReferenceEquals(vector, Vector) && ReferenceEquals(cloud, Cloud) ? this : Compact(vector, cloud);
    }

    /// <inheritdoc/>
    public bool Equals(DotContext? other) =>
        other is not null && Vector.Equals(other.Vector) && Cloud.SetEquals(other.Cloud);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DotContext);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Vector, Cloud.Count);

    /// <summary>The context of a vector and a cloud of which the caller knows that they are compact.</summary>
    internal static DotContext OfCompact(VersionVector vector, ImmutableSortedSet<Dot> cloud) => new(vector, cloud);

    private static DotContext Compact(VersionVector vector, ImmutableSortedSet<Dot> cloud)
    {
        ImmutableSortedSet<Dot> rest = cloud;
        foreach (Dot dot in cloud)
        {
            ulong seen = vector[dot.Replica];
            if (dot.Counter - 1 <= seen) // counters start at 1; ascending, so one pass closes every gap
            {
                vector = vector.Raise(dot.Replica, dot.Counter);
                rest = rest.Remove(dot);
            }
        }

        return new(vector, rest);
    }
}
