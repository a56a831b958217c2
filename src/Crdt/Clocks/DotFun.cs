using System.Collections.Immutable;

namespace P2PLearn.Crdt.Clocks;

/// <summary>Dot stores: values by the event that wrote them, joined under the contexts of both sides.</summary>
/// <remarks>
/// Source: Almeida et al., Delta State Replicated Data Types, 2018, section 7.2 (DotSet, DotFun, DotMap) with the
/// optimization of Bieniusa et al., An Optimized Conflict-free Replicated Set, 2012: what a side has seen and no
/// longer holds was removed there, so no tombstone is needed. A key of a map of stores never has an empty store.
/// </remarks>
internal static class DotFun
{
    /// <summary>
    /// Keeps what both hold, and what one holds and the other has not seen. Returns <paramref name="left"/> itself
    /// when nothing changes.
    /// </summary>
    public static ImmutableSortedDictionary<Dot, TValue> Join<TValue>(
        ImmutableSortedDictionary<Dot, TValue> left,
        DotContext leftContext,
        ImmutableSortedDictionary<Dot, TValue> right,
        DotContext rightContext,
        Func<TValue, TValue, TValue> join)
    {
        ImmutableSortedDictionary<Dot, TValue> result = left;
        foreach ((Dot dot, TValue value) in left)
        {
            if (right.TryGetValue(dot, out TValue? other))
            {
                result = result.SetItem(dot, join(value, other));
            }
            else if (rightContext.Contains(dot))
            {
                result = result.Remove(dot);
            }
        }

        foreach ((Dot dot, TValue value) in right)
        {
            result = leftContext.Contains(dot) ? result : result.SetItem(dot, value);
        }

        return result;
    }

    /// <summary>The same for every key of a map of stores; keys whose store becomes empty are gone.</summary>
    public static ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> Join<TKey, TValue>(
        ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> left,
        DotContext leftContext,
        ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> right,
        DotContext rightContext,
        Func<TValue, TValue, TValue> join)
        where TKey : notnull
    {
        ImmutableSortedDictionary<Dot, TValue> none = ImmutableSortedDictionary<Dot, TValue>.Empty;
        ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>> result = left;
        foreach ((TKey key, ImmutableSortedDictionary<Dot, TValue> store) in left)
        {
            ImmutableSortedDictionary<Dot, TValue> joined =
                Join(store, leftContext, right.GetValueOrDefault(key, none), rightContext, join);
            result = joined.IsEmpty ? result.Remove(key) : result.SetItem(key, joined);
        }

        foreach ((TKey key, ImmutableSortedDictionary<Dot, TValue> store) in right)
        {
            if (!left.ContainsKey(key)
                && Join(none, leftContext, store, rightContext, join) is { IsEmpty: false } added)
            {
                result = result.SetItem(key, added);
            }
        }

        return result;
    }
}
