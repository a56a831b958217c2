using System.Collections.Immutable;
using P2PLearn.Crdt.Maps;

namespace P2PLearn.Crdt.Contributions;

/// <summary>The entries of one run, and the round below which entries are gone for good.</summary>
/// <remarks>
/// The lattice of pairs (watermark, entries) in which no entry is below the watermark: join takes the larger
/// watermark and the entries of both at or above it. Immutable.
/// </remarks>
internal sealed class RunContributions : IEquatable<RunContributions>
{
    public static readonly RunContributions Empty = new(0, ImmutableSortedDictionary<uint, RoundEntries>.Empty, 0);

    private RunContributions(uint prunedBelow, ImmutableSortedDictionary<uint, RoundEntries> rounds, int count)
    {
        PrunedBelow = prunedBelow;
        Rounds = rounds;
        Count = count;
    }

    /// <summary>No entry has a smaller round.</summary>
    public uint PrunedBelow { get; }

    /// <summary>Entries by round; no round is without entries.</summary>
    public ImmutableSortedDictionary<uint, RoundEntries> Rounds { get; }

    /// <summary>How many entries there are in all rounds.</summary>
    public int Count { get; }

    public RunContributions Add(Contribution contribution) =>
        contribution.Round < PrunedBelow
            ? this
            : WithRound(contribution.Round, RoundEntries.Empty.Add(contribution));

    public RunContributions Prune(uint below)
    {
        if (below <= PrunedBelow)
        {
            return this;
        }

        ImmutableSortedDictionary<uint, RoundEntries> rounds = Rounds;
        int count = Count;
        foreach ((uint round, RoundEntries entries) in Rounds)
        {
            if (round >= below)
            {
                break;
            }

            rounds = rounds.Remove(round);
            count -= entries.Count;
        }

        return new(below, rounds, count);
    }

    public RunContributions Join(RunContributions other)
    {
        (RunContributions larger, RunContributions smaller) = Count >= other.Count ? (this, other) : (other, this);
        RunContributions joined = larger.Prune(smaller.PrunedBelow);
        foreach ((uint round, RoundEntries entries) in smaller.Rounds)
        {
            joined = round < joined.PrunedBelow ? joined : joined.WithRound(round, entries);
        }

        return joined;
    }

    public bool Equals(RunContributions? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && PrunedBelow == other.PrunedBelow
            && Count == other.Count
            && Rounds.SameAs(other.Rounds));

    public override bool Equals(object? obj) => Equals(obj as RunContributions);

    public override int GetHashCode() => HashCode.Combine(PrunedBelow, Count);

    /// <summary>This run with a round joined that is not below the watermark.</summary>
    internal RunContributions WithRound(uint round, RoundEntries added)
    {
        RoundEntries before = Rounds.GetValueOrDefault(round, RoundEntries.Empty);
        RoundEntries after = before.Join(added);
        return ReferenceEquals(before, after)
            ? this
            : new(PrunedBelow, Rounds.SetItem(round, after), Count + after.Count - before.Count);
    }
}
