using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Detection;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Actors.Rounds;

/// <summary>Gathers what a round cost at this node, and makes its line in the event log.</summary>
internal sealed class RoundNotes(RunContext context)
{
    private readonly FaultWatch _watch = new(context.Self.ToParticipant(), context.Settings.FaultySources(), new FaultEstimatorOptions());
    private LocalWork _work = new(double.NaN, 0);
    private double _mixMilliseconds;
    private double? _accuracy;
    private double? _wayGone;
    private long _sentBefore;
    private long _receivedBefore;

    public void Trained(LocalWork work) => _work = work;

    public void Mixed(double milliseconds, double? accuracy, double? wayGone)
    {
        _wayGone = wayGone < 1 ? wayGone : null;
        _mixMilliseconds = milliseconds;
        _accuracy = accuracy;
    }

    public RoundCompleted Complete(RoundRecord record)
    {
        long sent = context.Traffic.Sent;
        long received = context.Traffic.Received;
        var completed = new RoundCompleted(
            record.Round,
            context.Settings.Rounds,
            Word(record.Outcome),
            Finite(_work.MeanLoss),
            _accuracy,
            Candidates(record),
            received - _receivedBefore,
            sent - _sentBefore,
            _work.Milliseconds,
            (record.ConcludedAt - record.CommittedAt).TotalMilliseconds,
            _mixMilliseconds,
            _wayGone);
        (_sentBefore, _receivedBefore) = (sent, received);
        (_work, _mixMilliseconds, _accuracy, _wayGone) = (new LocalWork(double.NaN, 0), 0, null, null);
        return completed;
    }

    /// <summary>Whether this round's mixing shows that f is declared too small; null when it does not, or when that has been said.</summary>
    public FaultyTooSmall? Suspect(RoundRecord record)
    {
        FaultEstimate? estimate = record.Mix is { } mix ? _watch.Note(mix) : null;
        return estimate is null ? null : new FaultyTooSmall(record.Round, estimate.Declared, estimate.Suggested, estimate.Rounds,
            [.. estimate.Suspects.Select(s => new SuspectPeer(s.Participant.Id, s.Rounds, s.Far, s.Twin, s.Rejected))]);
    }

    public Attacked Attack(int round)
    {
        long sent = context.Traffic.Sent;
        long received = context.Traffic.Received;
        var attacked = new Attacked(round, context.Settings.Rounds, received - _receivedBefore, sent - _sentBefore);
        (_sentBefore, _receivedBefore) = (sent, received);
        return attacked;
    }

    private IReadOnlyList<CandidateOutcome> Candidates(RoundRecord record)
    {
        string self = context.Self.ToString();
        var outcomes = new SortedDictionary<string, CandidateOutcome>(StringComparer.Ordinal);
        Note(record.Missing, "missing");
        Note(record.Refused, "refused");
        Note(record.Equivocated, "equivocated");
        IReadOnlyList<ContributorOutcome> all = record.Mix?.Contributors ?? [];
        foreach (ContributorOutcome mixed in all)
        {
            string peer = mixed.Participant.Id;
            string word = !mixed.Kept ? "rejected" : IsClipped(mixed, all) ? "clipped" : "kept";
            outcomes[peer] = new CandidateOutcome(peer, word, Finite(mixed.Distance), mixed.Weight);
        }

        outcomes.Remove(self);
        return [.. outcomes.Values];

        void Note(IEnumerable<Participant> participants, string outcome)
        {
            foreach (Participant participant in participants)
            {
                outcomes[participant.Id] = new CandidateOutcome(participant.Id, outcome, null, 0);
            }
        }
    }

    // A small share alone is no sign: rules by sample counts give one to those who have little.
    private static bool IsClipped(ContributorOutcome mixed, IReadOnlyList<ContributorOutcome> all) =>
        2 * mixed.Weight * all.Count < 1 && 2 * all.Count(other => other.Distance < mixed.Distance) > all.Count;

    private static string Word(RoundOutcome outcome) => outcome switch
    {
        RoundOutcome.Mixed => "mixed",
        RoundOutcome.BelowQuorum => "below-quorum",
        RoundOutcome.CaughtUp => "caught-up",
        RoundOutcome.SatOut => "sat-out",
        _ => "alone",
    };

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
