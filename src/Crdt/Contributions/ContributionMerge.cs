namespace P2PLearn.Crdt.Contributions;

/// <summary>What a merge did.</summary>
/// <param name="State">The set with everything admitted.</param>
/// <param name="Added">What was new, to pass on: the earlier state joined with it is <paramref name="State"/>.</param>
/// <param name="OutOfScope">Contributions dropped for their run, round or peer.</param>
/// <param name="OverLimit">Contributions dropped for a limit of the scope.</param>
/// <param name="BadSignature">Contributions dropped because their peer did not sign them. An honest sender has
/// none.</param>
public sealed record ContributionMerge(
    ContributionSet State, ContributionSet Added, int OutOfScope, int OverLimit, int BadSignature)
{
    /// <summary>Whether anything was new.</summary>
    public bool Changed => !Added.IsBottom;
}
