namespace P2PLearn.Crdt.Attestations;

/// <summary>What is fixed for each kind of attestation, the same in all replicas.</summary>
public static class AttestationKinds
{
    /// <summary>Most versions kept of any kind.</summary>
    public const int MaxKeptVersions = 4;

    /// <summary>Whether the number is a kind of this version of the format.</summary>
    public static bool IsKnown(AttestationKind kind) =>
        kind is AttestationKind.RunSettings or AttestationKind.Checkpoint or AttestationKind.Reputation;

    /// <summary>
    /// How many versions are kept of one peer's attestations of this kind and run; part of the lattice, so a change is
    /// a change of the format.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a known kind.</exception>
    public static int KeptVersions(AttestationKind kind) => kind switch
    {
        AttestationKind.Checkpoint => MaxKeptVersions, // a node that returns late may find only an older one still served
        AttestationKind.RunSettings or AttestationKind.Reputation => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind of attestation"),
    };
}
