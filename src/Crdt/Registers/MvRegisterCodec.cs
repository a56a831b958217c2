using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Registers;

/// <summary>
/// A multi-value register: <c>[ context, [ [ replica, counter, value ] … ] ]</c>, strictly ascending by dot.
/// </summary>
/// <param name="valueCodec">The codec of the values.</param>
/// <typeparam name="T">The values' type.</typeparam>
public sealed class MvRegisterCodec<T>(IElementCodec<T> valueCodec) : IElementCodec<MvRegister<T>>
    where T : notnull
{
    private readonly IElementCodec<T> _valueCodec = valueCodec ?? throw new ArgumentNullException(nameof(valueCodec));

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, MvRegister<T> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(2);
        ClockCodecs.Context.Write(ref writer, value.Context);
        DotStoreCodec.Write(ref writer, _valueCodec, value.Store);
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out MvRegister<T> value)
    {
        value = null;
        if (!reader.TryBeginTuple(2)
            || !ClockCodecs.Context.TryRead(ref reader, out DotContext? context)
            || !DotStoreCodec.TryRead(ref reader, _valueCodec, context, out ImmutableSortedDictionary<Dot, T> store))
        {
            return false;
        }

        value = MvRegister<T>.Of(store, context);
        return reader.End();
    }
}
