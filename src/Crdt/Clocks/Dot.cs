namespace P2PLearn.Crdt.Clocks;

/// <summary>One event: the <paramref name="Counter"/>-th of one replica.</summary>
/// <remarks>
/// Unique as long as a replica makes each state from its own last one: two processes under one replica id, or one
/// restarted from an old state, would name different events alike. Ordered by replica, then counter.
/// </remarks>
/// <param name="Replica">Whose event.</param>
/// <param name="Counter">Counted from 1.</param>
public readonly record struct Dot(ReplicaId Replica, ulong Counter) : IComparable<Dot>
{
    /// <inheritdoc/>
    public int CompareTo(Dot other)
    {
        int order = Replica.CompareTo(other.Replica);
        return order != 0 ? order : Counter.CompareTo(other.Counter);
    }

    /// <summary>Orders by replica, then counter.</summary>
    public static bool operator <(Dot left, Dot right) => left.CompareTo(right) < 0;

    /// <summary>Orders by replica, then counter.</summary>
    public static bool operator >(Dot left, Dot right) => left.CompareTo(right) > 0;

    /// <summary>Orders by replica, then counter.</summary>
    public static bool operator <=(Dot left, Dot right) => left.CompareTo(right) <= 0;

    /// <summary>Orders by replica, then counter.</summary>
    public static bool operator >=(Dot left, Dot right) => left.CompareTo(right) >= 0;
}
