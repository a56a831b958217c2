using P2PLearn.Actors.Training;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Actors.Rounds;

/// <summary>The round machine's options that follow from a run's settings.</summary>
public static class RunOfSettings
{
    /// <summary>Makes them.</summary>
    /// <param name="settings">The run.</param>
    /// <param name="minCandidates">The fewest models its mixing rule takes.</param>
    /// <param name="neighbourhood">Whom this node mixes; null for everybody.</param>
    public static RoundOptions ToRoundOptions(this RunSettings settings, int minCandidates, INeighbourhood? neighbourhood)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new RoundOptions
        {
            Rounds = settings.Rounds,
            LocalSteps = settings.LocalSteps,
            MixingRounds = settings.Plan.MixingRounds,
            Faulty = settings.FaultySources(),
            FaultyMembers = settings.Faulty,
            MinCandidates = minCandidates,
            Heard = Aggregators.HeardBy(settings.Aggregator),
            MinDeadline = settings.MinDeadline,
            MaxDeadline = settings.MaxDeadline,
            QuorumTimeout = settings.MaxDeadline * 3,
            GatherCount = settings.MinPeers,
            Neighbourhood = neighbourhood,
            EndsHopelessRounds = true,
            GatherTimeout = TimeSpan.FromDays(365), // a run waits for its trainers as long as it takes
        };
    }
}
