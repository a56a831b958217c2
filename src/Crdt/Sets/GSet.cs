using System.Collections.Immutable;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Sets;

/// <summary>A set that only grows; join is the union. Ordered by <see cref="ElementOrder"/>. Immutable.</summary>
/// <typeparam name="T">The elements' type.</typeparam>
public sealed class GSet<T> : ICrdt<GSet<T>>
    where T : notnull
{
    private GSet(ImmutableSortedSet<T> elements) => Elements = elements;

    /// <inheritdoc/>
    public static GSet<T> Bottom { get; } = new(ImmutableSortedSet.Create(ElementOrder.Of<T>()));

    /// <summary>The elements, ascending.</summary>
    public ImmutableSortedSet<T> Elements { get; }

    /// <summary>Adds an element.</summary>
    /// <returns>The new state and what to send; unchanged and bottom when the element is there already.</returns>
    public (GSet<T> State, GSet<T> Delta) Add(T element)
    {
        ArgumentNullException.ThrowIfNull(element);
        return Elements.Contains(element)
            ? (this, Bottom)
            : (new(Elements.Add(element)), new(Bottom.Elements.Add(element)));
    }

    /// <summary>The union.</summary>
    public GSet<T> Join(GSet<T> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ImmutableSortedSet<T> union = Elements.Union(other.Elements);
        return ReferenceEquals(union, Elements) ? this : new(union);
    }

    /// <inheritdoc/>
    public bool Equals(GSet<T>? other) => other is not null && Elements.SetEquals(other.Elements);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GSet<T>);

    /// <inheritdoc/>
    public override int GetHashCode() => Elements.Count;

    /// <summary>The set of elements that are sorted by <see cref="ElementOrder"/>.</summary>
    internal static GSet<T> Of(ImmutableSortedSet<T> elements) => new(elements);
}
