namespace P2PLearn.Crdt.Contributions;

/// <summary>Proof that a peer signed two different contributions for one run and round.</summary>
/// <param name="First">The smaller of the two.</param>
/// <param name="Second">The larger of the two; same run, round and peer, another statement.</param>
public sealed record Equivocation(Contribution First, Contribution Second)
{
    /// <summary>Whether this proves anything: one key, two statements, both signed by the peer.</summary>
    public bool IsProof(ISignatureVerifier verifier) =>
        First.HasSameKey(Second)
        && First.CompareStatement(Second) != 0
        && First.IsSigned(verifier)
        && Second.IsSigned(verifier);
}
