using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Replication;

/// <summary>All that a node replicates, at one moment. Immutable.</summary>
/// <param name="Contributions">Signed contributions, and the watermarks of their runs.</param>
/// <param name="Attestations">Signed attestations.</param>
internal sealed record ReplicationState(ContributionSet Contributions, AttestationSet Attestations)
{
    /// <summary>Nothing.</summary>
    public static ReplicationState Empty { get; } = new(ContributionSet.Bottom, AttestationSet.Bottom);

    /// <summary>This with one own statement more, whose signature was checked.</summary>
    /// <param name="item">A <see cref="Contribution"/> or an <see cref="Attestation"/>.</param>
    public ReplicationState With(object item) => item switch
    {
        Contribution contribution => this with { Contributions = Contributions.Add(contribution).State },
        Attestation attestation => this with { Attestations = Attestations.Add(attestation).State },
        _ => throw new ArgumentException($"{item} is nothing that is signed", nameof(item)),
    };

    /// <summary>Whether the statement is in here, or cannot be any more: its round is pruned, or newer versions took its place.</summary>
    public bool Covers(object item) => With(item) is var with
        && ReferenceEquals(with.Contributions, Contributions)
        && ReferenceEquals(with.Attestations, Attestations);
}
