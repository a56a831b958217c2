namespace P2PLearn.Crdt;

/// <summary>A state-based replicated value: an element of a join-semilattice with a least element.</summary>
/// <remarks>
/// Source: Almeida, Shoker, Baquero, "Delta State Replicated Data Types", 2018, sections 2 and 4. <see cref="Join"/>
/// is commutative, associative and idempotent, so replicas may exchange states in any order, any number of times, and
/// agree. A mutator returns the new state together with a delta, a (small) value of the same type for which
/// <c>state.Join(delta)</c> is the new state; joining the deltas of a history in any order, with repetitions, gives
/// the same as joining the states. Values are immutable and may be shared between threads.
/// </remarks>
/// <typeparam name="TSelf">The type itself.</typeparam>
public interface ICrdt<TSelf> : IEquatable<TSelf>
    where TSelf : ICrdt<TSelf>
{
    /// <summary>The least element: nothing has happened yet. <c>x.Join(Bottom)</c> equals <c>x</c>.</summary>
    static abstract TSelf Bottom { get; }

    /// <summary>The least upper bound of this value and another.</summary>
    /// <param name="other">A state or a delta.</param>
    TSelf Join(TSelf other);
}
