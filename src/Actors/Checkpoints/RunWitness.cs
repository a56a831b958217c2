using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>What this node attests of a run: its checkpoints, and with each what it saw of the others' contributions.</summary>
internal sealed class RunWitness(RunContext context)
{
    private Reputation _seen = Reputation.Empty;
    private bool _isRecalled;

    /// <summary>Goes on counting where this node was before it was restarted. Only the first call counts.</summary>
    public void Recall(AttestationSet attestations)
    {
        if (!_isRecalled)
        {
            _isRecalled = true;
            Attestation? own = attestations.Newest(AttestationKind.Reputation, context.Run, context.Self.ToReplica());
            _seen = own is null ? Reputation.Empty : Reputation.TryDecode(own.Payload.Span) ?? Reputation.Empty;
        }
    }

    /// <summary>Counts a round.</summary>
    public void Count(RoundCompleted round)
    {
        foreach (CandidateOutcome candidate in round.Candidates)
        {
            _seen = _seen.Count(PeerId.Parse(candidate.Peer), candidate.Outcome);
        }
    }

    /// <summary>Signs what is to be told with a checkpoint.</summary>
    public IReadOnlyList<Attestation> Attest(Checkpoint made) =>
    [
        context.Attest(AttestationKind.Checkpoint, made.Round, made.Encode()),
        context.Attest(AttestationKind.Reputation, made.Round, _seen.Encode()),
    ];
}
