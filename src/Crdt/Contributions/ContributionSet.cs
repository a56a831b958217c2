using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Maps;

namespace P2PLearn.Crdt.Contributions;

/// <summary>
/// Who contributed which model in which round: signed contributions by (run, round, peer), as a delta-state CRDT.
/// </summary>
/// <remarks>
/// The lattice is a map from run to (pruning watermark joined by maximum, map from round and peer to the two smallest
/// statements); see
/// <see cref="ContributionEntry"/> for why that is bounded. Join checks no signatures: a replica takes foreign sets
/// in through
/// <see cref="Merge"/>, or <see cref="Filter"/> and then <see cref="Join"/>. Immutable; persistent sorted maps, so
/// adding to n entries costs O(log n) and shares the rest. All enumerations ascend by run, round, peer.
/// </remarks>
public sealed class ContributionSet : ICrdt<ContributionSet>
{
    private ContributionSet(ImmutableSortedDictionary<RunId, RunContributions> runs, int count)
    {
        ByRun = runs;
        Count = count;
    }

    /// <inheritdoc/>
    public static ContributionSet Bottom { get; } = new(ImmutableSortedDictionary<RunId, RunContributions>.Empty, 0);

    /// <summary>How many (run, round, peer) keys have an entry.</summary>
    public int Count { get; }

    /// <summary>Whether this is <see cref="Bottom"/>: no entry and no watermark.</summary>
    public bool IsBottom => ByRun.IsEmpty;

    /// <summary>The runs that have an entry or a watermark.</summary>
    public IEnumerable<RunId> Runs => ByRun.Keys;

    /// <summary>How many runs have an entry or a watermark.</summary>
    public int RunCount => ByRun.Count;

    /// <summary>Every entry.</summary>
    public IEnumerable<ContributionEntry> Entries =>
        from run in ByRun.Values
        from round in run.Rounds.Values
        from entry in round.ByPeer.Values
        select entry;

    /// <summary>Every proof of equivocation.</summary>
    public IEnumerable<Equivocation> Equivocations =>
        from entry in Entries where entry.IsEquivocation select entry.Equivocation;

    /// <summary>The runs; none is <see cref="RunContributions.Empty"/>.</summary>
    internal ImmutableSortedDictionary<RunId, RunContributions> ByRun { get; }

    /// <summary>Adds one contribution, whose signature the caller has checked or made.</summary>
    /// <returns>The new state and what to send; both unchanged and bottom when the contribution is known or its round
    /// is pruned.</returns>
    /// <exception cref="ArgumentException">The contribution's peer is empty.</exception>
    public (ContributionSet State, ContributionSet Delta) Add(Contribution contribution)
    {
        ArgumentNullException.ThrowIfNull(contribution);
        ReplicaId.ThrowIfEmpty(contribution.Peer);
        RunContributions added = RunContributions.Empty.Add(contribution);
        ContributionSet state = WithRun(contribution.Run, added);
        return ReferenceEquals(state, this) ? (this, Bottom) : (state, Bottom.WithRun(contribution.Run, added));
    }

    /// <summary>
    /// Drops the run's entries of rounds below <paramref name="below"/>, now and whenever they come back.
    /// </summary>
    /// <returns>The new state and what to send; both unchanged and bottom when the watermark is that high
    /// already.</returns>
    public (ContributionSet State, ContributionSet Delta) Prune(RunId run, uint below)
    {
        RunContributions watermark = RunContributions.Empty.Prune(below);
        ContributionSet state = WithRun(run, watermark);
        return ReferenceEquals(state, this) ? (this, Bottom) : (state, Bottom.WithRun(run, watermark));
    }

    /// <summary>The least upper bound. This set itself when <paramref name="other"/> brings nothing new.</summary>
    /// <remarks>Costs O(m log n) for a delta of m entries. Checks no signatures.</remarks>
    public ContributionSet Join(ContributionSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        (ContributionSet joined, ContributionSet smaller) = Count >= other.Count ? (this, other) : (other, this);
        foreach ((RunId run, RunContributions contributions) in smaller.ByRun)
        {
            joined = joined.WithRun(run, contributions);
        }

        return joined;
    }

    /// <summary>What is known about one peer's contribution to one round.</summary>
    public bool TryGet(RunId run, uint round, ReplicaId peer, [NotNullWhen(true)] out ContributionEntry? entry) =>
        RoundOf(run, round).ByPeer.TryGetValue(peer, out entry);

    /// <summary>The entries of one round, by peer.</summary>
    public IEnumerable<ContributionEntry> EntriesOf(RunId run, uint round) => RoundOf(run, round).ByPeer.Values;

    /// <summary>
    /// The contributions of one round that count: those of peers that did not equivocate in it, by peer.
    /// </summary>
    public IEnumerable<Contribution> ContributionsOf(RunId run, uint round) =>
        from entry in EntriesOf(run, round) where !entry.IsEquivocation select entry.First;

    /// <summary>How many peers have an entry in one round.</summary>
    public int CountOf(RunId run, uint round) => RoundOf(run, round).Count;

    /// <summary>The rounds of a run that have entries, ascending.</summary>
    public IEnumerable<uint> RoundsOf(RunId run) => RunOf(run).Rounds.Keys;

    /// <summary>The round below which the run's entries are pruned; 0 when nothing was.</summary>
    public uint PrunedBelow(RunId run) => RunOf(run).PrunedBelow;

    /// <summary>
    /// The part of this set under some runs, watermarks included. No operation of the lattice: a replica forgets by it,
    /// and joining brings back what it forgot.
    /// </summary>
    public ContributionSet Under(Predicate<RunId> wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        RunId[] dropped = [.. ByRun.Keys.Where(run => !wanted(run))];
        return dropped.Length == 0 ? this : new(ByRun.RemoveRange(dropped), Count - dropped.Sum(run => ByRun[run].Count));
    }

    /// <summary>
    /// The contributions with a valid signature, nothing else: watermarks carry no signature and are dropped too.
    /// </summary>
    /// <remarks>Costs one verification per contribution. <see cref="Merge"/> verifies only what is new.</remarks>
    public ContributionSet Filter(ISignatureVerifier verifier)
    {
        ArgumentNullException.ThrowIfNull(verifier);
        ContributionSet kept = Bottom;
        foreach (Contribution contribution in Entries.SelectMany(Statements))
        {
            kept = contribution.IsSigned(verifier) ? kept.Add(contribution).State : kept;
        }

        return kept;
    }

    /// <summary>
    /// Takes in a foreign state or delta: what is within the scope, within its limits and validly signed.
    /// </summary>
    /// <remarks>
    /// Contributions this set holds already are not verified again. A watermark is taken up to
    /// <see cref="RunScope.PrunableBelow"/>. The rest of the foreign set is dropped and counted; this set never
    /// shrinks but by watermarks. A scope that names the peers bounds the set at runs × rounds × peers × 2
    /// contributions, whatever is sent.
    /// </remarks>
    /// <param name="foreign">Decoded, otherwise untrusted.</param>
    /// <param name="verifier">Checks each new contribution.</param>
    /// <param name="scope">What this replica wants to hold now.</param>
    public ContributionMerge Merge(ContributionSet foreign, ISignatureVerifier verifier, ContributionScope scope)
    {
        ArgumentNullException.ThrowIfNull(foreign);
        ArgumentNullException.ThrowIfNull(verifier);
        ArgumentNullException.ThrowIfNull(scope);
        ContributionAdmission admission = new(this, verifier, scope);
        foreach ((RunId run, RunContributions contributions) in foreign.ByRun)
        {
            admission.AdmitWatermark(run, contributions.PrunedBelow);
        }

        foreach (Contribution contribution in foreign.Entries.SelectMany(Statements))
        {
            admission.Admit(contribution);
        }

        return admission.Result();
    }

    /// <summary>The SHA-256 of the canonical bytes. Costs O(n): encode and hash.</summary>
    public Hash256 Digest() => Hash256.FromBytes(CanonicalEncoding.Digest(ContributionSetCodec.Default, this));

    /// <inheritdoc/>
    public bool Equals(ContributionSet? other) =>
        ReferenceEquals(this, other) || (other is not null && Count == other.Count && ByRun.SameAs(other.ByRun));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ContributionSet);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, ByRun.Count);

    /// <summary>This set joined with <paramref name="added"/> under one run.</summary>
    internal ContributionSet WithRun(RunId run, RunContributions added)
    {
        RunContributions before = RunOf(run);
        RunContributions after = before.Join(added);
        return after.Equals(before)
            ? this
            : new(ByRun.SetItem(run, after), Count + after.Count - before.Count);
    }

    /// <summary>
    /// Whether an entry under this run, round and an unknown peer would keep every count within its limit.
    /// </summary>
    internal bool HasRoomFor(RunId run, uint round, ContributionLimits limits)
    {
        RunContributions contributions = RunOf(run);
        return Count < limits.MaxEntries
            && (ByRun.Count < limits.MaxRuns || ByRun.ContainsKey(run))
            && (contributions.Rounds.Count < limits.MaxRoundsPerRun || contributions.Rounds.ContainsKey(round))
            && RoundOf(run, round).Count < limits.MaxPeersPerRound;
    }

    private static IEnumerable<Contribution> Statements(ContributionEntry entry) =>
        entry.Second is null ? [entry.First] : [entry.First, entry.Second];

    private RunContributions RunOf(RunId run) => ByRun.GetValueOrDefault(run, RunContributions.Empty);

    private RoundEntries RoundOf(RunId run, uint round) =>
        RunOf(run).Rounds.GetValueOrDefault(round, RoundEntries.Empty);
}
