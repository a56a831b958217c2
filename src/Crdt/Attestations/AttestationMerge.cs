namespace P2PLearn.Crdt.Attestations;

/// <summary>What a merge did.</summary>
/// <param name="State">The set with everything admitted.</param>
/// <param name="Added">What was new, to pass on: the earlier state joined with it is <paramref name="State"/>.</param>
/// <param name="OutOfScope">Attestations dropped for their run or peer.</param>
/// <param name="OverLimit">Attestations dropped for a limit of the scope.</param>
/// <param name="BadSignature">Attestations dropped because their peer did not sign them, or because they are settings
/// of another run (<see cref="Attestation.FitsRun"/>). An honest sender has none.</param>
public sealed record AttestationMerge(
    AttestationSet State, AttestationSet Added, int OutOfScope, int OverLimit, int BadSignature)
{
    /// <summary>Whether anything was new.</summary>
    public bool Changed => !Added.IsBottom;
}
