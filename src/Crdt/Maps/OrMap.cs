using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Maps;

/// <summary>
/// A map from keys to values that are CRDTs themselves; a key can be removed, and an update concurrent with it wins.
/// </summary>
/// <remarks>
/// Source: Almeida et al., Delta State Replicated Data Types, 2018, section 7.4, with values of any join-semilattice:
/// each key keeps, by dot, the values of the updates that no seen update or removal covers, and reads as their join.
/// Deviation: an update carries the whole value of its key, not only the value's delta, because a removal elsewhere
/// may not forget a part of what the update was made on. A removal takes with it what its replica had seen; an update
/// that had not seen the removal brings the value it was made on back. So a counter under a removed key starts again
/// from nothing at the replicas that saw the removal, and joins with what a concurrent update carried. Immutable.
/// </remarks>
/// <typeparam name="TKey">The keys' type, ordered by <see cref="ElementOrder"/>.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public sealed class OrMap<TKey, TValue> : ICrdt<OrMap<TKey, TValue>>
    where TKey : notnull
    where TValue : ICrdt<TValue>
{
    private OrMap(
        ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> store, DotContext context) =>
        (Store, Context) = (store, context);

    /// <inheritdoc/>
    public static OrMap<TKey, TValue> Bottom { get; } = new(
        ImmutableSortedDictionary.Create<TKey, ImmutableSortedDictionary<Dot, TValue>>(ElementOrder.Of<TKey>()),
        DotContext.Bottom);

    /// <summary>The keys, ascending.</summary>
    public IEnumerable<TKey> Keys => Store.Keys;

    /// <summary>How many keys there are.</summary>
    public int Count => Store.Count;

    /// <summary>Every update seen, those removed too.</summary>
    public DotContext Context { get; }

    /// <summary>The updates that keep each key; never none, and all in the context.</summary>
    internal ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> Store { get; }

    /// <summary>The value under a key, or <c>Bottom</c>.</summary>
    public TValue this[TKey key] => Read(Store.GetValueOrDefault(key, None));

    /// <summary>Whether the key is in the map.</summary>
    public bool ContainsKey(TKey key) => Store.ContainsKey(key);

    /// <summary>Looks a key up.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        bool found = Store.TryGetValue(key, out ImmutableSortedDictionary<Dot, TValue>? updates);
        value = found ? Read(updates!) : default;
        return found;
    }

    /// <summary>Joins a value, or a delta of one, into the value under a key; creates the key if need be.</summary>
    /// <exception cref="ArgumentException">The replica is empty.</exception>
    public (OrMap<TKey, TValue> State, OrMap<TKey, TValue> Delta) Update(ReplicaId replica, TKey key, TValue delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        Dot dot = Context.Next(replica);
        ImmutableSortedDictionary<Dot, TValue> seen = Store.GetValueOrDefault(key, None);
        ImmutableSortedDictionary<Dot, TValue> update = None.Add(dot, Read(seen).Join(delta));
        OrMap<TKey, TValue> change = new(Bottom.Store.Add(key, update), DotContext.Of([.. seen.Keys, dot]));
        return (Join(change), change);
    }

    /// <summary>Removes the updates of a key that this state has seen.</summary>
    public (OrMap<TKey, TValue> State, OrMap<TKey, TValue> Delta) Remove(TKey key)
    {
        OrMap<TKey, TValue> change = new(Bottom.Store, DotContext.Of(Store.GetValueOrDefault(key, None).Keys));
        return (Join(change), change);
    }

    /// <summary>Keeps the updates that neither side has seen replaced or removed.</summary>
    public OrMap<TKey, TValue> Join(OrMap<TKey, TValue> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(
            DotFun.Join(Store, Context, other.Store, other.Context, static (left, right) => left.Join(right)),
            Context.Join(other.Context));
    }

    /// <inheritdoc/>
    public bool Equals(OrMap<TKey, TValue>? other) =>
        other is not null && Context.Equals(other.Context) && Store.SameAs(other.Store, static (a, b) => a.SameAs(b));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as OrMap<TKey, TValue>);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, Context);

    /// <summary>The map of a store whose dots are all in the context.</summary>
    internal static OrMap<TKey, TValue> Of(
        ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> store, DotContext context) =>
        new(store, context);

    private static ImmutableSortedDictionary<Dot, TValue> None => ImmutableSortedDictionary<Dot, TValue>.Empty;

    private static TValue Read(ImmutableSortedDictionary<Dot, TValue> updates) =>
        updates.Values.Aggregate(TValue.Bottom, static (value, update) => value.Join(update));
}
