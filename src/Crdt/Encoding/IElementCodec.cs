using System.Diagnostics.CodeAnalysis;
using MessagePack;

namespace P2PLearn.Crdt.Encoding;

/// <summary>
/// Reads and writes one type in canonical MessagePack: equal values have equal bytes, and no other bytes are
/// accepted.
/// </summary>
/// <remarks>
/// Codecs compose: the codec of a set takes the codec of its elements. They are stateless and may be shared between
/// threads. Whole values are encoded and decoded by <see cref="CanonicalEncoding"/>.
/// </remarks>
/// <typeparam name="T">The type; its order is that of <see cref="ElementOrder"/>.</typeparam>
public interface IElementCodec<T>
{
    /// <summary>Appends the canonical bytes of <paramref name="value"/>.</summary>
    void Write(ref MessagePackWriter writer, T value);

    /// <summary>Reads one value from bytes of a stranger.</summary>
    /// <returns>False, with <see cref="CrdtReader.Error"/> set, when the bytes are not the canonical form of a
    /// value.</returns>
    bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out T value);
}
