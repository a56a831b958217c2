using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Attestations;

/// <summary>One merge under way: decides attestation by attestation what a replica takes in.</summary>
internal sealed class AttestationAdmission(AttestationSet state, ISignatureVerifier verifier, AttestationScope scope)
{
    private AttestationSet _state = state;
    private AttestationSet _added = AttestationSet.Bottom;
    private int _outOfScope;
    private int _overLimit;
    private int _badSignature;

    public void Admit(Attestation attestation)
    {
        if (!scope.Contains(attestation))
        {
            _outOfScope++;
            return;
        }

        (AttestationSet after, AttestationSet delta) = _state.Add(attestation);
        if (delta.IsBottom)
        {
            return; // known, or older than what is kept
        }

        if (IsBeyond(attestation, after))
        {
            _overLimit++;
        }
        else if (!attestation.FitsRun || !attestation.IsSigned(verifier)) // last, because it costs the most
        {
            _badSignature++;
        }
        else
        {
            _state = after;
            _added = _added.Join(delta);
        }
    }

    public AttestationMerge Result() => new(_state, _added, _outOfScope, _overLimit, _badSignature);

    private bool IsBeyond(Attestation attestation, AttestationSet after)
    {
        AttestationLimits limits = scope.Limits;
        return attestation.Payload.Length > limits.MaxPayloadBytes
            || Grows(_state.Count, after.Count, limits.MaxEntries)
            || Grows(_state.PayloadBytes, after.PayloadBytes, limits.MaxTotalPayloadBytes)
            || Grows(_state.RunCountOf(attestation.Kind), after.RunCountOf(attestation.Kind), limits.MaxRuns)
            || Grows(
                _state.PeerCountOf(attestation.Kind, attestation.Run),
                after.PeerCountOf(attestation.Kind, attestation.Run),
                limits.MaxPeersPerRun);
    }

    /// <summary>A set that is beyond a limit already, because the limit was lowered, may still be renewed and shrink.</summary>
    private static bool Grows(int before, int after, int limit) => after > limit && after > before;
}
