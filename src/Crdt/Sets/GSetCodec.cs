using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Sets;

/// <summary>A grow-only set: <c>[ element … ]</c>, strictly ascending.</summary>
/// <param name="elementCodec">The codec of the elements.</param>
/// <typeparam name="T">The elements' type.</typeparam>
public sealed class GSetCodec<T>(IElementCodec<T> elementCodec) : IElementCodec<GSet<T>>
    where T : notnull
{
    private readonly IElementCodec<T> _elementCodec =
        elementCodec ?? throw new ArgumentNullException(nameof(elementCodec));

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, GSet<T> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(value.Elements.Count);
        foreach (T element in value.Elements)
        {
            _elementCodec.Write(ref writer, element);
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out GSet<T> value)
    {
        value = null;
        if (!reader.TryBeginArray(out int count))
        {
            return false;
        }

        IComparer<T> order = ElementOrder.Of<T>();
        ImmutableSortedSet<T>.Builder elements = GSet<T>.Bottom.Elements.ToBuilder();
        T? previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadKey(_elementCodec, out T? element)
                || !(i == 0 || order.Compare(previous, element) < 0 || reader.Fail(DecodeError.OutOfOrder)))
            {
                return false;
            }

            elements.Add(element);
            previous = element;
        }

        value = GSet<T>.Of(elements.ToImmutable());
        return reader.End();
    }
}
