using System.Collections.Immutable;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Maps;

namespace P2PLearn.Crdt.Registers;

/// <summary>A register that keeps every value of concurrent writes; a write replaces the values it has seen.</summary>
/// <remarks>
/// Source: Almeida et al., Delta State Replicated Data Types, 2018, section 7.4 (multi-value register). Immutable, as
/// far as
/// <typeparamref name="T"/> is.
/// </remarks>
/// <typeparam name="T">The values' type.</typeparam>
public sealed class MvRegister<T> : ICrdt<MvRegister<T>>
    where T : notnull
{
    private MvRegister(ImmutableSortedDictionary<Dot, T> store, DotContext context) =>
        (Store, Context) = (store, context);

    /// <inheritdoc/>
    public static MvRegister<T> Bottom { get; } = new(ImmutableSortedDictionary<Dot, T>.Empty, DotContext.Bottom);

    /// <summary>
    /// The values that no seen write has replaced, each once, ascending; none when never written or cleared.
    /// </summary>
    public IEnumerable<T> Values => Store.Values.Order(ElementOrder.Of<T>()).Aggregate(
        new List<T>(Store.Count),
        static (values, value) =>
        {
            if (values.Count == 0 || !ElementOrder.Same(values[^1], value))
            {
                values.Add(value);
            }

            return values;
        });

    /// <summary>Every write and clearing seen.</summary>
    public DotContext Context { get; }

    /// <summary>The surviving writes; their dots are all in the context.</summary>
    internal ImmutableSortedDictionary<Dot, T> Store { get; }

    /// <summary>Writes a value in place of all that this state holds.</summary>
    public (MvRegister<T> State, MvRegister<T> Delta) Set(ReplicaId writer, T value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Dot dot = Context.Next(writer);
        MvRegister<T> delta = new(Bottom.Store.Add(dot, value), DotContext.Of([.. Store.Keys, dot]));
        return (Join(delta), delta);
    }

    /// <summary>Removes the values that this state holds; concurrent writes survive.</summary>
    public (MvRegister<T> State, MvRegister<T> Delta) Clear()
    {
        MvRegister<T> delta = new(Bottom.Store, DotContext.Of(Store.Keys));
        return (Join(delta), delta);
    }

    /// <summary>Keeps the writes that neither side has seen replaced.</summary>
    public MvRegister<T> Join(MvRegister<T> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(DotFun.Join(Store, Context, other.Store, other.Context, Larger), Context.Join(other.Context));
    }

    /// <inheritdoc/>
    public bool Equals(MvRegister<T>? other) =>
        other is not null && Context.Equals(other.Context) && Store.SameAs(other.Store, ElementOrder.Same);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as MvRegister<T>);

    /// <inheritdoc/>
    public override int GetHashCode() => Context.GetHashCode();

    /// <summary>The register of a store whose dots are all in the context.</summary>
    internal static MvRegister<T> Of(ImmutableSortedDictionary<Dot, T> store, DotContext context) =>
        new(store, context);

    // One dot has one value, unless two processes write under one replica id; then replicas still agree.
    private static T Larger(T left, T right) => ElementOrder.Of<T>().Compare(left, right) >= 0 ? left : right;
}
