namespace P2PLearn.Crdt.Contributions;

/// <summary>One merge under way: decides contribution by contribution what a replica takes in.</summary>
internal sealed class ContributionAdmission(
    ContributionSet state, ISignatureVerifier verifier, ContributionScope scope)
{
    private ContributionSet _state = state;
    private ContributionSet _added = ContributionSet.Bottom;
    private int _outOfScope;
    private int _overLimit;
    private int _badSignature;

    public void AdmitWatermark(RunId run, uint below)
    {
        if (!scope.Runs.TryGetValue(run, out RunScope? wanted))
        {
            return;
        }

        Take(_state.Prune(run, Math.Min(below, wanted.PrunableBelow)));
    }

    public void Admit(Contribution contribution)
    {
        if (!IsInScope(contribution))
        {
            _outOfScope++;
            return;
        }

        if (IsKnown(contribution, out bool keyIsKnown) || contribution.Round < _state.PrunedBelow(contribution.Run))
        {
            return;
        }

        bool hasRoom = keyIsKnown || _state.HasRoomFor(contribution.Run, contribution.Round, scope.Limits);
        if (!hasRoom || contribution.ModelBytes > scope.Limits.MaxModelBytes)
        {
            _overLimit++;
        }
        else if (!contribution.IsSigned(verifier)) // last, because it costs the most
        {
            _badSignature++;
        }
        else
        {
            Take(_state.Add(contribution));
        }
    }

    public ContributionMerge Result() => new(_state, _added, _outOfScope, _overLimit, _badSignature);

    private void Take((ContributionSet State, ContributionSet Delta) change)
    {
        _state = change.State;
        _added = _added.Join(change.Delta);
    }

    private bool IsInScope(Contribution contribution) =>
        scope.Runs.TryGetValue(contribution.Run, out RunScope? wanted)
        && contribution.Round <= wanted.LastRound
        && (scope.Peers is null || scope.Peers.Contains(contribution.Peer));

    private bool IsKnown(Contribution contribution, out bool keyIsKnown)
    {
        keyIsKnown = _state.TryGet(contribution.Run, contribution.Round, contribution.Peer, out var entry);
        return keyIsKnown && ReferenceEquals(entry!.Join(new ContributionEntry(contribution)), entry);
    }
}
