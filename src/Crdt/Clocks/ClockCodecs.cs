using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Clocks;

/// <summary>Codecs of version vectors and dot contexts.</summary>
/// <remarks>
/// <code>
/// vector  = { replica: bin 1..64 → counter: uint64 ≥ 1 … }   strictly ascending by replica
/// dot     = [ replica, counter ]
/// context = [ vector, [ dot … ] ]                            the cloud, strictly ascending, compact: each counter
///                                                            above the vector's next one
/// </code>
/// </remarks>
public static class ClockCodecs
{
    /// <summary>A version vector.</summary>
    public static IElementCodec<VersionVector> Vector { get; } = new VectorCodec();

    /// <summary>A dot context.</summary>
    public static IElementCodec<DotContext> Context { get; } = new ContextCodec();

    internal static void WriteCounters(
        ref MessagePackWriter writer, ImmutableSortedDictionary<ReplicaId, ulong> counters)
    {
        writer.WriteMapHeader(counters.Count);
        foreach ((ReplicaId replica, ulong counter) in counters)
        {
            ElementCodecs.Replica.Write(ref writer, replica);
            writer.Write(counter);
        }
    }

    internal static bool TryReadCounters(
        ref CrdtReader reader, out ImmutableSortedDictionary<ReplicaId, ulong> counters)
    {
        counters = ImmutableSortedDictionary<ReplicaId, ulong>.Empty;
        if (!reader.TryBeginMap(out int count))
        {
            return false;
        }

        ImmutableSortedDictionary<ReplicaId, ulong>.Builder builder = counters.ToBuilder();
        ReplicaId previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadDot(ref reader, out Dot dot)
                || !(previous < dot.Replica || reader.Fail(DecodeError.OutOfOrder)))
            {
                return false;
            }

            builder.Add(dot.Replica, dot.Counter);
            previous = dot.Replica;
        }

        counters = builder.ToImmutable();
        return reader.End();
    }

    /// <summary>Writes replica and counter, without a header.</summary>
    internal static void WriteDot(ref MessagePackWriter writer, Dot dot)
    {
        ElementCodecs.Replica.Write(ref writer, dot.Replica);
        writer.Write(dot.Counter);
    }

    /// <summary>Reads replica and counter, without a header.</summary>
    internal static bool TryReadDot(ref CrdtReader reader, out Dot dot)
    {
        bool read = reader.TryReadKey(ElementCodecs.Replica, out ReplicaId replica)
            & reader.TryReadUInt64(out ulong counter)
            && (counter > 0 || reader.Fail(DecodeError.InvalidValue));
        dot = new Dot(replica, counter);
        return read;
    }

    private sealed class VectorCodec : IElementCodec<VersionVector>
    {
        public void Write(ref MessagePackWriter writer, VersionVector value)
        {
            ArgumentNullException.ThrowIfNull(value);
            WriteCounters(ref writer, value.Counters);
        }

        public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out VersionVector value)
        {
            bool read = TryReadCounters(ref reader, out ImmutableSortedDictionary<ReplicaId, ulong> counters);
            value = read ? VersionVector.OfCounters(counters) : null;
            return read;
        }
    }

    private sealed class ContextCodec : IElementCodec<DotContext>
    {
        public void Write(ref MessagePackWriter writer, DotContext value)
        {
            ArgumentNullException.ThrowIfNull(value);
            writer.WriteArrayHeader(2);
            Vector.Write(ref writer, value.Vector);
            writer.WriteArrayHeader(value.Cloud.Count);
            foreach (Dot dot in value.Cloud)
            {
                writer.WriteArrayHeader(2);
                WriteDot(ref writer, dot);
            }
        }

        public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out DotContext value)
        {
            value = null;
            if (!reader.TryBeginTuple(2)
                || !Vector.TryRead(ref reader, out VersionVector? vector)
                || !reader.TryBeginArray(out int count))
            {
                return false;
            }

            ImmutableSortedSet<Dot>.Builder cloud = ImmutableSortedSet.CreateBuilder<Dot>();
            Dot previous = default;
            for (int i = 0; i < count; i++)
            {
                if (!reader.TryBeginTuple(2)
                    || !TryReadDot(ref reader, out Dot dot)
                    || !(previous < dot || reader.Fail(DecodeError.OutOfOrder))
                    || !(dot.Counter - 1 > vector[dot.Replica] || reader.Fail(DecodeError.NotCanonical)))
                {
                    return false;
                }

                cloud.Add(dot);
                previous = dot;
                reader.End();
            }

            value = DotContext.OfCompact(vector, cloud.ToImmutable());
            return reader.End() && reader.End();
        }
    }
}
