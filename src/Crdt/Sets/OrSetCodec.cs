using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using Dots = System.Collections.Immutable.ImmutableSortedDictionary<P2PLearn.Crdt.Clocks.Dot, System.ValueTuple>;

namespace P2PLearn.Crdt.Sets;

/// <summary>An add-wins set.</summary>
/// <remarks>
/// <code>
/// set = [ context, { element → [ [ replica, counter ] … ] … } ] elements strictly ascending, each with at least one
/// dot,
///                                                                 dots strictly ascending and in the context
/// </code>
/// </remarks>
/// <param name="elementCodec">The codec of the elements.</param>
/// <typeparam name="T">The elements' type.</typeparam>
public sealed class OrSetCodec<T>(IElementCodec<T> elementCodec) : IElementCodec<OrSet<T>>
    where T : notnull
{
    private readonly IElementCodec<T> _elementCodec =
        elementCodec ?? throw new ArgumentNullException(nameof(elementCodec));

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, OrSet<T> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(2);
        ClockCodecs.Context.Write(ref writer, value.Context);
        writer.WriteMapHeader(value.Store.Count);
        foreach ((T element, Dots dots) in value.Store)
        {
            _elementCodec.Write(ref writer, element);
            writer.WriteArrayHeader(dots.Count);
            foreach (Dot dot in dots.Keys)
            {
                writer.WriteArrayHeader(2);
                ClockCodecs.WriteDot(ref writer, dot);
            }
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out OrSet<T> value)
    {
        value = null;
        if (!reader.TryBeginTuple(2)
            || !ClockCodecs.Context.TryRead(ref reader, out DotContext? context)
            || !reader.TryBeginMap(out int count))
        {
            return false;
        }

        ImmutableSortedDictionary<T, Dots>.Builder store =
            OrSet<T>.Bottom.Store.ToBuilder();
        T? previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadKey(_elementCodec, out T? element)
                || !(i == 0 || store.KeyComparer.Compare(previous, element) < 0 || reader.Fail(DecodeError.OutOfOrder))
                || !TryReadDots(ref reader, context, out Dots? dots))
            {
                return false;
            }

            store.Add(element, dots);
            previous = element;
        }

        value = OrSet<T>.Of(store.ToImmutable(), context);
        return reader.End() && reader.End();
    }

    private static bool TryReadDots(
        ref CrdtReader reader,
        DotContext context,
        [NotNullWhen(true)] out Dots? dots)
    {
        dots = null;
        if (!reader.TryBeginArray(out int count) || !(count > 0 || reader.Fail(DecodeError.NotCanonical)))
        {
            return false;
        }

        Dots.Builder read = Dots.Empty.ToBuilder();
        Dot previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryBeginTuple(2) || !DotStoreCodec.TryReadNextDot(ref reader, context, ref previous))
            {
                return false;
            }

            read.Add(previous, default);
            reader.End();
        }

        dots = read.ToImmutable();
        return reader.End();
    }
}
