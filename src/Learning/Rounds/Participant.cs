namespace P2PLearn.Learning.Rounds;

/// <summary>One who takes part in a run, by a name that is the same at every node; the order is ordinal.</summary>
/// <param name="Id">Any text that the transport has proven, e.g. a peer id.</param>
public readonly record struct Participant(string Id) : IComparable<Participant>
{
    /// <inheritdoc/>
    public int CompareTo(Participant other) => string.CompareOrdinal(Id, other.Id);

    /// <inheritdoc/>
    public override string ToString() => Id;

    /// <summary>Ordinal order.</summary>
    public static bool operator <(Participant left, Participant right) => left.CompareTo(right) < 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >(Participant left, Participant right) => left.CompareTo(right) > 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator <=(Participant left, Participant right) => left.CompareTo(right) <= 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >=(Participant left, Participant right) => left.CompareTo(right) >= 0;
}
