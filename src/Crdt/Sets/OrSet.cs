using System.Collections.Immutable;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Maps;
using Dots = System.Collections.Immutable.ImmutableSortedDictionary<P2PLearn.Crdt.Clocks.Dot, System.ValueTuple>;

namespace P2PLearn.Crdt.Sets;

/// <summary>A set in which elements can be added and removed; an addition concurrent with a removal wins.</summary>
/// <remarks>
/// Source: Bieniusa et al., An Optimized Conflict-free Replicated Set, 2012; as a delta type Almeida et al., 2018,
/// section 7.3. Each element keeps the dots of the additions that no seen removal covers; a removal leaves nothing
/// behind but its mark in the context. Ordered by <see cref="ElementOrder"/>. Join costs O(n log n) in the elements
/// of both. Immutable.
/// </remarks>
/// <typeparam name="T">The elements' type.</typeparam>
public sealed class OrSet<T> : ICrdt<OrSet<T>>
    where T : notnull
{
    private OrSet(
        ImmutableSortedDictionary<T, Dots> store, DotContext context) =>
        (Store, Context) = (store, context);

    /// <inheritdoc/>
    public static OrSet<T> Bottom { get; } = new(
        ImmutableSortedDictionary.Create<T, Dots>(ElementOrder.Of<T>()),
        DotContext.Bottom);

    /// <summary>The elements, ascending.</summary>
    public IEnumerable<T> Elements => Store.Keys;

    /// <summary>How many elements there are.</summary>
    public int Count => Store.Count;

    /// <summary>Every addition seen, the removed ones too.</summary>
    public DotContext Context { get; }

    /// <summary>The additions that keep each element; never none, and all in the context.</summary>
    internal ImmutableSortedDictionary<T, Dots> Store { get; }

    /// <summary>Whether the element is in the set.</summary>
    public bool Contains(T element) => Store.ContainsKey(element);

    /// <summary>Adds an element; also one that is there, so that the addition survives a concurrent removal.</summary>
    /// <exception cref="ArgumentException">The replica is empty.</exception>
    public (OrSet<T> State, OrSet<T> Delta) Add(ReplicaId replica, T element)
    {
        Dot dot = Context.Next(replica);
        Dots addition = NoDots.Add(dot, default);
        OrSet<T> delta = new(Bottom.Store.Add(element, addition), DotContext.Of([.. DotsOf(element), dot]));
        return (Join(delta), delta);
    }

    /// <summary>Removes the additions of the element that this state has seen.</summary>
    public (OrSet<T> State, OrSet<T> Delta) Remove(T element)
    {
        OrSet<T> delta = new(Bottom.Store, DotContext.Of(DotsOf(element)));
        return (Join(delta), delta);
    }

    /// <summary>Removes every addition that this state has seen.</summary>
    public (OrSet<T> State, OrSet<T> Delta) Clear()
    {
        OrSet<T> delta = new(Bottom.Store, DotContext.Of(Store.Values.SelectMany(static dots => dots.Keys)));
        return (Join(delta), delta);
    }

    /// <summary>Keeps the additions that neither side has seen removed.</summary>
    public OrSet<T> Join(OrSet<T> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(
            DotFun.Join(Store, Context, other.Store, other.Context, static (dot, _) => dot),
            Context.Join(other.Context));
    }

    /// <inheritdoc/>
    public bool Equals(OrSet<T>? other) =>
        other is not null && Context.Equals(other.Context) && Store.SameAs(other.Store, static (a, b) => a.SameAs(b));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as OrSet<T>);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, Context);

    /// <summary>The set of a store whose dots are all in the context.</summary>
    internal static OrSet<T> Of(
        ImmutableSortedDictionary<T, Dots> store, DotContext context) =>
        new(store, context);

    private IEnumerable<Dot> DotsOf(T element) => Store.GetValueOrDefault(element, NoDots).Keys;

    private static Dots NoDots => Dots.Empty;
}
