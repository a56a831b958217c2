using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Attestations;

/// <summary>Which attestations a replica takes from others.</summary>
/// <remarks>
/// A scope that names neither runs nor peers takes those of anybody who can sign; the limits alone bound them then, and
/// whoever has many keys can use them up. Replicas with different scopes, or full ones, hold different parts.
/// </remarks>
public sealed record AttestationScope
{
    /// <summary>The runs taken; none for all.</summary>
    public IReadOnlySet<RunId>? Runs { get; init; }

    /// <summary>The peers whose attestations are taken; none for anybody who can sign.</summary>
    public IReadOnlySet<ReplicaId>? Peers { get; init; }

    /// <summary>
    /// How large the merged set may become. What is beyond is dropped; a newer version in the place of an older one of
    /// the same size always fits.
    /// </summary>
    public AttestationLimits Limits { get; init; } = AttestationLimits.Default;

    /// <summary>Whether the run and the peer are wanted.</summary>
    internal bool Contains(Attestation attestation) =>
        Runs?.Contains(attestation.Run) != false && Peers?.Contains(attestation.Peer) != false;
}
