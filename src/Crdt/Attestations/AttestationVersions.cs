using System.Diagnostics;

namespace P2PLearn.Crdt.Attestations;

/// <summary>The newest versions that one peer attested of one kind in one run. Immutable.</summary>
/// <remarks>
/// A join-semilattice: the join is the top K of the union, where K belongs to the kind and two attestations of one
/// version count as the greater of them. Why that is a join: let ∪ be the union that keeps the greater of each version;
/// it is commutative, associative and idempotent, being a pointwise maximum. A version outside top(X) has K
/// greater ones in X, and so in X ∪ Y: it is not in top(X ∪ Y) either, whatever its payload. A version inside keeps
/// its payload. Hence top(top(X) ∪ Y) = top(X ∪ Y), and the join inherits all three laws. It is bounded by K,
/// however many versions a peer signs.
/// </remarks>
internal sealed class AttestationVersions : IEquatable<AttestationVersions>
{
    private readonly Attestation[] _ascending;

    /// <summary>One version.</summary>
    public AttestationVersions(Attestation attestation)
        : this([attestation])
    {
    }

    private AttestationVersions(Attestation[] ascending)
    {
        Debug.Assert(ascending.Length > 0, "a peer without attestations is not kept");
        _ascending = ascending;
        foreach (Attestation attestation in ascending)
        {
            PayloadBytes += attestation.Payload.Length;
        }
    }

    /// <summary>The versions, ascending; 1 to K.</summary>
    public IReadOnlyList<Attestation> Ascending => _ascending;

    /// <summary>How many.</summary>
    public int Count => _ascending.Length;

    /// <summary>Bytes of all payloads.</summary>
    public int PayloadBytes { get; }

    /// <summary>The greatest version.</summary>
    public Attestation Newest => _ascending[^1];

    /// <summary>These with one more; these themselves when it brings nothing new.</summary>
    public AttestationVersions Include(Attestation added)
    {
        int keep = AttestationKinds.KeptVersions(added.Kind);
        int place = Array.FindLastIndex(_ascending, kept => kept.Version <= added.Version);
        if (place >= 0 && _ascending[place].Version == added.Version)
        {
            return added.CompareVersion(_ascending[place]) > 0
                ? new([.. _ascending[..place], added, .. _ascending[(place + 1)..]])
                : this;
        }

        if (place < 0 && Count == keep)
        {
            return this; // older than all that are kept
        }

        Attestation[] all = [.. _ascending[..(place + 1)], added, .. _ascending[(place + 1)..]];
        return new(all.Length > keep ? all[1..] : all);
    }

    /// <summary>The top K of both; these themselves when the others bring nothing new.</summary>
    public AttestationVersions Join(AttestationVersions other) =>
        other._ascending.Aggregate(this, static (joined, added) => joined.Include(added));

    /// <inheritdoc/>
    public bool Equals(AttestationVersions? other) =>
        ReferenceEquals(this, other) || (other is not null && _ascending.AsSpan().SequenceEqual(other._ascending));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AttestationVersions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, Newest);
}
