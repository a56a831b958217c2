using System.Collections.Immutable;
using MessagePack;
using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Encoding;

/// <summary>
/// The values by dot of registers and maps: <c>[ [ replica, counter, value ] … ]</c>, strictly ascending by dot.
/// </summary>
internal static class DotStoreCodec
{
    public static void Write<T>(
        ref MessagePackWriter writer, IElementCodec<T> valueCodec, ImmutableSortedDictionary<Dot, T> store)
    {
        writer.WriteArrayHeader(store.Count);
        foreach ((Dot dot, T value) in store)
        {
            writer.WriteArrayHeader(3);
            ClockCodecs.WriteDot(ref writer, dot);
            valueCodec.Write(ref writer, value);
        }
    }

    /// <summary>Reads a store all of whose dots must be in the context.</summary>
    public static bool TryRead<T>(
        ref CrdtReader reader,
        IElementCodec<T> valueCodec,
        DotContext context,
        out ImmutableSortedDictionary<Dot, T> store)
    {
        store = ImmutableSortedDictionary<Dot, T>.Empty;
        if (!reader.TryBeginArray(out int count))
        {
            return false;
        }

        ImmutableSortedDictionary<Dot, T>.Builder builder = store.ToBuilder();
        Dot previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryBeginTuple(3)
                || !TryReadNextDot(ref reader, context, ref previous)
                || !valueCodec.TryRead(ref reader, out T? value))
            {
                return false;
            }

            builder.Add(previous, value);
            reader.End();
        }

        store = builder.ToImmutable();
        return reader.End();
    }

    /// <summary>
    /// Reads a dot that must follow the previous one and be in the context, and makes it the previous one.
    /// </summary>
    public static bool TryReadNextDot(ref CrdtReader reader, DotContext context, ref Dot previous)
    {
        if (!ClockCodecs.TryReadDot(ref reader, out Dot dot)
            || !(previous < dot || reader.Fail(DecodeError.OutOfOrder))
            || !(context.Contains(dot) || reader.Fail(DecodeError.InvalidValue)))
        {
            return false;
        }

        previous = dot;
        return true;
    }
}
