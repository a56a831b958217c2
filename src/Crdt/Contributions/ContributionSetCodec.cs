using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Contributions;

/// <summary>A contribution set, state or delta, in canonical MessagePack.</summary>
/// <remarks>
/// <code>
/// set   = [ 1, [ run … ] ]                                  runs strictly ascending by id
/// run   = [ id: bin 32, prunedBelow: uint32, [ round … ] ]  rounds strictly ascending, none below prunedBelow;
///                                                           a run has a round or a prunedBelow above 0
/// round = [ number: uint32, [ entry … ] ]                   at least one entry, strictly ascending by peer
/// entry = [ peer: bin 1..64, [ statement, statement? ] ]    two statements are an equivocation, strictly ascending
/// </code>
/// <c>statement</c> as in <see cref="ContributionCodec"/>; statements ascend by root, base (nil first), codec,
/// layout, length, samples. Decoding checks form, not signatures: a decoded set is merged by
/// <see cref="ContributionSet.Merge"/>.
/// </remarks>
/// <param name="limits">What is accepted.</param>
public sealed class ContributionSetCodec(ContributionLimits limits) : IElementCodec<ContributionSet>
{
    /// <summary>The version of the format this codec writes and reads.</summary>
    public const uint Version = 1;

    private readonly ContributionLimits _limits = limits ?? throw new ArgumentNullException(nameof(limits));

    /// <summary>The codec with <see cref="ContributionLimits.Default"/>.</summary>
    public static ContributionSetCodec Default { get; } = new(ContributionLimits.Default);

    /// <summary>The canonical bytes of a set.</summary>
    public static byte[] Encode(ContributionSet set) => CanonicalEncoding.Encode(Default, set);

    /// <summary>Reads a set that fills <paramref name="bytes"/> exactly.</summary>
    /// <returns>False, with the reason, for anything but canonical bytes within the limits.</returns>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes,
        ContributionLimits limits,
        [NotNullWhen(true)] out ContributionSet? set,
        out DecodeError error)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return CanonicalEncoding.TryDecode(
            new ContributionSetCodec(limits), bytes, limits.Encoding, out set, out error);
    }

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, ContributionSet value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(2);
        writer.Write(Version);
        writer.WriteArrayHeader(value.ByRun.Count);
        foreach ((RunId run, RunContributions contributions) in value.ByRun)
        {
            WriteRun(ref writer, run, contributions);
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out ContributionSet value)
    {
        value = null;
        if (!reader.TryBeginTuple(2)
            || !reader.TryReadUInt32(out uint version)
            || !(version == Version || reader.Fail(DecodeError.UnsupportedVersion))
            || !TryBeginList(ref reader, _limits.MaxRuns, out int count))
        {
            return false;
        }

        ContributionSet set = ContributionSet.Bottom;
        RunId? previous = null;
        for (int i = 0; i < count; i++)
        {
            int room = _limits.MaxEntries - set.Count;
            if (!TryReadRun(ref reader, room, out RunId run, out RunContributions? contributions)
                || !IsAscending(ref reader, previous is null || previous < run))
            {
                return false;
            }

            set = set.WithRun(run, contributions);
            previous = run;
        }

        value = set;
        return reader.End() && reader.End();
    }

    private static void WriteRun(ref MessagePackWriter writer, RunId run, RunContributions contributions)
    {
        writer.WriteArrayHeader(3);
        ContributionCodec.WriteRun(ref writer, run);
        writer.Write(contributions.PrunedBelow);
        writer.WriteArrayHeader(contributions.Rounds.Count);
        foreach ((uint round, RoundEntries entries) in contributions.Rounds)
        {
            writer.WriteArrayHeader(2);
            writer.Write(round);
            writer.WriteArrayHeader(entries.Count);
            foreach ((ReplicaId peer, ContributionEntry entry) in entries.ByPeer)
            {
                WriteEntry(ref writer, peer, entry);
            }
        }
    }

    private static void WriteEntry(ref MessagePackWriter writer, ReplicaId peer, ContributionEntry entry)
    {
        writer.WriteArrayHeader(2);
        ElementCodecs.Replica.Write(ref writer, peer);
        writer.WriteArrayHeader(entry.IsEquivocation ? 2 : 1);
        ContributionCodec.WriteStatement(ref writer, entry.First);
        if (entry.IsEquivocation)
        {
            ContributionCodec.WriteStatement(ref writer, entry.Second);
        }
    }

    private static bool TryBeginList(ref CrdtReader reader, int max, out int count) =>
        reader.TryBeginArray(out count) && (count <= max || reader.Fail(DecodeError.TooManyEntries));

    private static bool IsAscending(ref CrdtReader reader, bool ascending) =>
        ascending || reader.Fail(DecodeError.OutOfOrder);

    private bool TryReadRun(
        ref CrdtReader reader, int room, out RunId run, [NotNullWhen(true)] out RunContributions? contributions)
    {
        contributions = null;
        run = default;
        if (!reader.TryBeginTuple(3)
            || !ContributionCodec.TryReadRun(ref reader, out run)
            || !reader.TryReadUInt32(out uint prunedBelow)
            || !TryBeginList(ref reader, _limits.MaxRoundsPerRun, out int count)
            || !(count > 0 || prunedBelow > 0 || reader.Fail(DecodeError.NotCanonical)))
        {
            return false;
        }

        RunContributions read = RunContributions.Empty.Prune(prunedBelow);
        long next = prunedBelow;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadRound(ref reader, run, room - read.Count, out uint round, out RoundEntries? entries)
                || !IsAscending(ref reader, round >= next))
            {
                return false;
            }

            read = read.WithRound(round, entries);
            next = round + 1L;
        }

        contributions = read;
        return reader.End() && reader.End();
    }

    private bool TryReadRound(
        ref CrdtReader reader, RunId run, int room, out uint round, [NotNullWhen(true)] out RoundEntries? entries)
    {
        entries = null;
        round = 0;
        if (!reader.TryBeginTuple(2)
            || !reader.TryReadUInt32(out round)
            || !TryBeginList(ref reader, Math.Min(_limits.MaxPeersPerRound, room), out int count)
            || !(count > 0 || reader.Fail(DecodeError.NotCanonical)))
        {
            return false;
        }

        RoundEntries read = RoundEntries.Empty;
        ReplicaId previous = default;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadEntry(ref reader, run, round, out ContributionEntry? entry)
                || !IsAscending(ref reader, previous < entry.First.Peer))
            {
                return false;
            }

            read = read.Add(entry);
            previous = entry.First.Peer;
        }

        entries = read;
        return reader.End() && reader.End();
    }

    private static bool TryReadEntry(
        ref CrdtReader reader, RunId run, uint round, [NotNullWhen(true)] out ContributionEntry? entry)
    {
        entry = null;
        if (!reader.TryBeginTuple(2)
            || !reader.TryReadKey(ElementCodecs.Replica, out ReplicaId peer)
            || !reader.TryBeginArray(out int count)
            || !(count is 1 or 2 || reader.Fail(DecodeError.WrongType))
            || !ContributionCodec.TryReadStatement(ref reader, run, round, peer, out Contribution? first))
        {
            return false;
        }

        Contribution? second = null;
        if (count == 2
            && (!ContributionCodec.TryReadStatement(ref reader, run, round, peer, out second)
                || !IsAscending(ref reader, first.CompareStatement(second) < 0)))
        {
            return false;
        }

        entry = new ContributionEntry(first, second);
        return reader.End() && reader.End();
    }
}
