using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Registers;

/// <summary>
/// A last-writer-wins register: <c>nil</c> when never written, else <c>[ timestamp: uint64, writer: bin 1..64, value
/// ]</c>.
/// </summary>
/// <param name="valueCodec">The codec of the value.</param>
/// <typeparam name="T">The value's type.</typeparam>
public sealed class LwwRegisterCodec<T>(IElementCodec<T> valueCodec) : IElementCodec<LwwRegister<T>>
    where T : notnull
{
    private readonly IElementCodec<T> _valueCodec = valueCodec ?? throw new ArgumentNullException(nameof(valueCodec));

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, LwwRegister<T> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!value.HasValue)
        {
            writer.WriteNil();
            return;
        }

        writer.WriteArrayHeader(3);
        writer.Write(value.Timestamp);
        ElementCodecs.Replica.Write(ref writer, value.Writer);
        _valueCodec.Write(ref writer, value.Value);
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out LwwRegister<T> value)
    {
        value = LwwRegister<T>.Bottom;
        if (reader.TakeNil())
        {
            return true;
        }

        if (!reader.TryBeginTuple(3)
            || !reader.TryReadUInt64(out ulong timestamp)
            || !reader.TryReadKey(ElementCodecs.Replica, out ReplicaId writer)
            || !_valueCodec.TryRead(ref reader, out T? content))
        {
            return false;
        }

        value = value.Set(writer, timestamp, content).State;
        return reader.End();
    }
}
