using System.Collections.Immutable;

namespace P2PLearn.Crdt.Maps;

/// <summary>What the types of this project do with persistent sorted maps.</summary>
internal static class SortedMaps
{
    /// <summary>The pointwise join: the union of the keys, values of common keys joined.</summary>
    /// <remarks>
    /// Walks the smaller map only: O(min · log max). Returns <paramref name="left"/> itself when the right map brings
    /// nothing new, provided <paramref name="join"/> returns something equal to its first argument in that case.
    /// </remarks>
    public static ImmutableSortedDictionary<TKey, TValue> Join<TKey, TValue>(
        this ImmutableSortedDictionary<TKey, TValue> left,
        ImmutableSortedDictionary<TKey, TValue> right,
        Func<TValue, TValue, TValue> join)
        where TKey : notnull
    {
        if (ReferenceEquals(left, right) || right.IsEmpty)
        {
            return left;
        }

        (ImmutableSortedDictionary<TKey, TValue> result, ImmutableSortedDictionary<TKey, TValue> smaller) =
            left.Count >= right.Count ? (left, right) : (right, left);
        foreach ((TKey key, TValue value) in smaller)
        {
            bool present = result.TryGetValue(key, out TValue? existing);
            result = result.SetItem(key, present ? join(existing!, value) : value);
        }

        return result;
    }

    /// <summary>Whether two maps hold equal values under equal keys.</summary>
    public static bool SameAs<TKey, TValue>(
        this ImmutableSortedDictionary<TKey, TValue> left,
        ImmutableSortedDictionary<TKey, TValue> right,
        Func<TValue, TValue, bool>? sameValue = null)
        where TKey : notnull
    {
        if (ReferenceEquals(left, right))
        {
            return true;
        }

        if (left.Count != right.Count)
        {
            return false;
        }

        sameValue ??= EqualityComparer<TValue>.Default.Equals;
        ImmutableSortedDictionary<TKey, TValue>.Enumerator others = right.GetEnumerator();
        foreach ((TKey key, TValue value) in left)
        {
            others.MoveNext();
            (TKey otherKey, TValue otherValue) = others.Current;
            if (left.KeyComparer.Compare(key, otherKey) != 0 || !sameValue(value, otherValue))
            {
                return false;
            }
        }

        return true;
    }
}
