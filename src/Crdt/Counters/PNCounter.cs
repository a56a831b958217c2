using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Counters;

/// <summary>
/// A counter that grows and shrinks: one <see cref="GCounter"/> of what was added, one of what was taken away.
/// </summary>
/// <remarks>Source: Almeida et al., Delta State Replicated Data Types, 2018, section 4. Immutable.</remarks>
public sealed class PNCounter : ICrdt<PNCounter>
{
    private PNCounter(GCounter added, GCounter removed) => (Added, Removed) = (added, removed);

    /// <inheritdoc/>
    public static PNCounter Bottom { get; } = new(GCounter.Bottom, GCounter.Bottom);

    /// <summary>What was added.</summary>
    public GCounter Added { get; }

    /// <summary>What was taken away.</summary>
    public GCounter Removed { get; }

    /// <summary>The difference.</summary>
    public Int128 Value => (Int128)Added.Value - (Int128)Removed.Value;

    /// <summary>Adds.</summary>
    /// <inheritdoc cref="GCounter.Increment"/>
    public (PNCounter State, PNCounter Delta) Increment(ReplicaId replica, ulong amount = 1)
    {
        (GCounter state, GCounter delta) = Added.Increment(replica, amount);
        return (new(state, Removed), new(delta, GCounter.Bottom));
    }

    /// <summary>Takes away.</summary>
    /// <inheritdoc cref="GCounter.Increment"/>
    public (PNCounter State, PNCounter Delta) Decrement(ReplicaId replica, ulong amount = 1)
    {
        (GCounter state, GCounter delta) = Removed.Increment(replica, amount);
        return (new(Added, state), new(GCounter.Bottom, delta));
    }

    /// <summary>The join of both counters.</summary>
    public PNCounter Join(PNCounter other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(Added.Join(other.Added), Removed.Join(other.Removed));
    }

    /// <inheritdoc/>
    public bool Equals(PNCounter? other) =>
        other is not null && Added.Equals(other.Added) && Removed.Equals(other.Removed);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PNCounter);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Added, Removed);

    /// <summary>The counter of two parts.</summary>
    internal static PNCounter Of(GCounter added, GCounter removed) => new(added, removed);
}
