using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Counters;

/// <summary>Codecs of the counters.</summary>
/// <remarks>
/// <code>
/// gcounter  = { replica: bin 1..64 → count: uint64 ≥ 1 … }   strictly ascending by replica
/// pncounter = [ added: gcounter, removed: gcounter ]
/// </code>
/// </remarks>
public static class CounterCodecs
{
    /// <summary>A counter that only grows.</summary>
    public static IElementCodec<GCounter> GCounter { get; } = new GCounterCodec();

    /// <summary>A counter that grows and shrinks.</summary>
    public static IElementCodec<PNCounter> PNCounter { get; } = new PNCounterCodec();

    private sealed class GCounterCodec : IElementCodec<GCounter>
    {
        public void Write(ref MessagePackWriter writer, GCounter value)
        {
            ArgumentNullException.ThrowIfNull(value);
            ClockCodecs.WriteCounters(ref writer, value.Counts);
        }

        public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out GCounter value)
        {
            bool read = ClockCodecs.TryReadCounters(ref reader, out ImmutableSortedDictionary<ReplicaId, ulong> counts);
            value = read ? Counters.GCounter.OfCounts(counts) : null;
            return read;
        }
    }

    private sealed class PNCounterCodec : IElementCodec<PNCounter>
    {
        public void Write(ref MessagePackWriter writer, PNCounter value)
        {
            ArgumentNullException.ThrowIfNull(value);
            writer.WriteArrayHeader(2);
            GCounter.Write(ref writer, value.Added);
            GCounter.Write(ref writer, value.Removed);
        }

        public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out PNCounter value)
        {
            value = null;
            if (!reader.TryBeginTuple(2)
                || !GCounter.TryRead(ref reader, out GCounter? added)
                || !GCounter.TryRead(ref reader, out GCounter? removed))
            {
                return false;
            }

            value = Counters.PNCounter.Of(added, removed);
            return reader.End();
        }
    }
}
