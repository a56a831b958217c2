using P2PLearn.Learning.Detection;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>What the rule of one node did over all its rounds, in counts; of the mixings themselves only the last are kept.</summary>
/// <param name="guard">f', what the rule guards against.</param>
internal sealed class NodeTally(int guard)
{
    private static readonly FaultEstimatorOptions Estimator = new();
    private readonly Queue<MixOutcome> _last = new();

    /// <summary>Rounds in which it mixed.</summary>
    public int Mixed { get; private set; }

    /// <summary>Rounds in which more Byzantine ones were among the candidates than the rule guards against.</summary>
    public int BeyondGuard { get; private set; }

    /// <summary>Mixings that would have moved it too far.</summary>
    public int Limited { get; private set; }

    public int KeptByzantine { get; private set; }

    public int RejectedByzantine { get; private set; }

    public int RejectedHonest { get; private set; }

    /// <summary>A mixing would have moved it too far.</summary>
    public void NoteLimited() => Limited++;

    /// <summary>Takes a mixing in.</summary>
    public void Add(MixOutcome mix, IReadOnlySet<Participant> byzantine)
    {
        Mixed++;
        BeyondGuard += mix.Contributors.Count(c => byzantine.Contains(c.Participant)) > guard ? 1 : 0;
        foreach (ContributorOutcome outcome in mix.Contributors)
        {
            bool attacker = byzantine.Contains(outcome.Participant);
            KeptByzantine += attacker && outcome.Kept ? 1 : 0;
            RejectedByzantine += attacker && !outcome.Kept ? 1 : 0;
            RejectedHonest += !attacker && !outcome.Kept ? 1 : 0;
        }

        _last.Enqueue(mix);
        if (_last.Count > Estimator.Window)
        {
            _last.Dequeue();
        }
    }

    /// <summary>Who looks like an outlier to the node by its last rounds.</summary>
    public IReadOnlyList<PeerStanding> Suspects(Participant self) => FaultEstimator.Estimate([.. _last], self, 0, Estimator).Suspects;
}
