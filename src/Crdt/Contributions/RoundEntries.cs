using System.Collections.Immutable;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Maps;

namespace P2PLearn.Crdt.Contributions;

/// <summary>The entries of one round by peer. Immutable.</summary>
internal sealed class RoundEntries : IEquatable<RoundEntries>
{
    public static readonly RoundEntries Empty = new(ImmutableSortedDictionary<ReplicaId, ContributionEntry>.Empty);

    private RoundEntries(ImmutableSortedDictionary<ReplicaId, ContributionEntry> byPeer) => ByPeer = byPeer;

    public ImmutableSortedDictionary<ReplicaId, ContributionEntry> ByPeer { get; }

    public int Count => ByPeer.Count;

    public RoundEntries Add(Contribution contribution) => Add(new ContributionEntry(contribution));

    public RoundEntries Add(ContributionEntry entry)
    {
        bool present = ByPeer.TryGetValue(entry.First.Peer, out ContributionEntry? existing);
        return With(ByPeer.SetItem(entry.First.Peer, present ? existing!.Join(entry) : entry));
    }

    public RoundEntries Join(RoundEntries other) => With(ByPeer.Join(other.ByPeer, static (a, b) => a.Join(b)));

    public bool Equals(RoundEntries? other) => other is not null && ByPeer.SameAs(other.ByPeer);

    public override bool Equals(object? obj) => Equals(obj as RoundEntries);

    public override int GetHashCode() => Count;

    private RoundEntries With(ImmutableSortedDictionary<ReplicaId, ContributionEntry> byPeer) =>
        ReferenceEquals(byPeer, ByPeer) ? this : new(byPeer);
}
