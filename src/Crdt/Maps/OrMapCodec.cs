using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Maps;

/// <summary>An add-wins map.</summary>
/// <remarks>
/// <code>
/// map = [ context, { key → [ [ replica, counter, value ] … ] … } ] keys strictly ascending, each with at least one
/// update,
/// updates strictly ascending by dot, dots in the context
/// </code>
/// </remarks>
/// <param name="keyCodec">The codec of the keys.</param>
/// <param name="valueCodec">The codec of the values.</param>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public sealed class OrMapCodec<TKey, TValue>(IElementCodec<TKey> keyCodec, IElementCodec<TValue> valueCodec)
    : IElementCodec<OrMap<TKey, TValue>>
    where TKey : notnull
    where TValue : ICrdt<TValue>
{
    private readonly IElementCodec<TKey> _keyCodec = keyCodec ?? throw new ArgumentNullException(nameof(keyCodec));
    private readonly IElementCodec<TValue> _valueCodec =
        valueCodec ?? throw new ArgumentNullException(nameof(valueCodec));

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, OrMap<TKey, TValue> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(2);
        ClockCodecs.Context.Write(ref writer, value.Context);
        writer.WriteMapHeader(value.Store.Count);
        foreach ((TKey key, ImmutableSortedDictionary<Dot, TValue> updates) in value.Store)
        {
            _keyCodec.Write(ref writer, key);
            DotStoreCodec.Write(ref writer, _valueCodec, updates);
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out OrMap<TKey, TValue> value)
    {
        value = null;
        if (!reader.TryBeginTuple(2)
            || !ClockCodecs.Context.TryRead(ref reader, out DotContext? context)
            || !reader.TryBeginMap(out int count))
        {
            return false;
        }

        ImmutableSortedDictionary<TKey, ImmutableSortedDictionary<Dot, TValue>>.Builder store =
            OrMap<TKey, TValue>.Bottom.Store.ToBuilder();
        TKey? previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadKey(_keyCodec, out TKey? key)
                || !(i == 0 || store.KeyComparer.Compare(previous, key) < 0 || reader.Fail(DecodeError.OutOfOrder))
                || !DotStoreCodec.TryRead(
                    ref reader, _valueCodec, context, out ImmutableSortedDictionary<Dot, TValue> updates)
                || !(updates.Count > 0 || reader.Fail(DecodeError.NotCanonical)))
            {
                return false;
            }

            store.Add(key, updates);
            previous = key;
        }

        value = OrMap<TKey, TValue>.Of(store.ToImmutable(), context);
        return reader.End() && reader.End();
    }
}
