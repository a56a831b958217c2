using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Rounds;

/// <summary>How a run is cut into rounds, and how long a node waits for the others.</summary>
public sealed record RoundOptions
{
    /// <summary>Rounds of the run; at least 1. Default 15: 300 gradients by 20 local steps.</summary>
    public int Rounds { get; init; } = 15;

    /// <summary>H, gradient steps before a mixing; at least 1. Default 20.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>K, rounds of mixing after them; at least 1. Default 1. <see cref="Rounds"/> counts each.</summary>
    public int MixingRounds { get; init; } = 1;

    /// <summary>f', how many of those whose models are mixed in a round may be Byzantine; at least 0. Default 0. Where everybody is mixed, f.</summary>
    public int Faulty { get; init; }

    /// <summary>f, how many of all participants may be Byzantine or gone for good; at least <see cref="Faulty"/>. Null, the default, where that is the same.</summary>
    public int? FaultyMembers { get; init; }

    /// <summary>Fewest models, one's own included, that the aggregator mixes; at least 1. Default 1; take <see cref="IAggregator.MinCandidates"/>.</summary>
    public int MinCandidates { get; init; } = 1;

    /// <summary>Whether to wait for everyone up to the deadline or only for the first n − f. Default all.</summary>
    public Heard Heard { get; init; } = Heard.All;

    /// <summary>Shortest wait for expected contributions, from one's own commit on; not negative. Default 2 s.</summary>
    public TimeSpan MinDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest wait for expected contributions once there is a quorum, and the wait before delays are known. Default 20 s.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The wait ends here even without a quorum; at least <see cref="MaxDeadline"/>. Default 60 s.</summary>
    /// <remarks>Also how long a node waits in each round that the membership is smaller than the rule's minimum, lest it run through its rounds alone.</remarks>
    public TimeSpan QuorumTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>k in the deadline median + k·MAD of earlier arrival delays; not negative. Default 6.</summary>
    public double DeadlineSpread { get; init; } = 6;

    /// <summary>How many of the last arrival delays the deadline looks at; at least 4. Default 128.</summary>
    public int DelayWindow { get; init; } = 128;

    /// <summary>After so many rounds in a row without a contribution a participant is not waited for until it is heard again; at least 1. Default 2.</summary>
    public int MissedRoundsUntilAbsent { get; init; } = 2;

    /// <summary>How many rounds ahead of one's own a contribution is kept and its model fetched; at least 1. Default 4.</summary>
    public int AheadWindow { get; init; } = 4;

    /// <summary>How many rounds the others must be ahead before a node jumps to them; at least 2, since one round ahead is ordinary. Default 2.</summary>
    public int CatchUpLag { get; init; } = 2;

    /// <summary>Contributions remembered of one participant; at least <see cref="AheadWindow"/> + 4. Default 16.</summary>
    public int MaxRoundsPerParticipant { get; init; } = 16;

    /// <summary>Names remembered that are not (yet) participants; at least 0. Default 256. What more strangers say is dropped.</summary>
    public int MaxStrangers { get; init; } = 256;

    /// <summary>How long a known head may stay without its model before the model is fetched, and between two attempts. Default 0.5 s.</summary>
    /// <remarks>Models are pushed by their makers right behind their heads; fetching at once would move every model twice.</remarks>
    public TimeSpan FetchAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A fresh run starts when so many participants are there, oneself included; a restarted node goes on with f of all participants fewer. At least 1. Default 1.</summary>
    public int GatherCount { get; init; } = 1;

    /// <summary>A fresh run starts with fewer after this long; a restarted node after <see cref="QuorumTimeout"/>. Default 2 min.</summary>
    public TimeSpan GatherTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whose models are wanted, waited for and mixed in each round; null, the default, for everybody's. Catching up looks at it too.</summary>
    public INeighbourhood? Neighbourhood { get; init; }

    /// <summary>
    /// Whether a round in which only some are heard ends at the deadline without a quorum when all who are still waited for are absent or have gone past it: the next round
    /// has other neighbours, or no better ones. Default false: it waits for <see cref="QuorumTimeout"/>.
    /// </summary>
    public bool EndsHopelessRounds { get; init; }

    /// <summary>How training and mixing take turns.</summary>
    public RoundPlan Plan => new(LocalSteps, MixingRounds);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The first value that is out of range, in one line for the user.</exception>
    public void Validate()
    {
        AtLeast(Rounds, 1, nameof(Rounds));
        AtLeast(LocalSteps, 1, nameof(LocalSteps));
        AtLeast(MixingRounds, 1, nameof(MixingRounds));
        AtLeast(Faulty, 0, nameof(Faulty));
        AtLeast(FaultyMembers ?? Faulty, Faulty, nameof(FaultyMembers));
        AtLeast(MinCandidates, 1, nameof(MinCandidates));
        AtLeast(MinDeadline, TimeSpan.Zero, nameof(MinDeadline));
        AtLeast(MaxDeadline, MinDeadline, nameof(MaxDeadline));
        AtLeast(QuorumTimeout, MaxDeadline, nameof(QuorumTimeout));
        AtLeast(DelayWindow, 4, nameof(DelayWindow));
        AtLeast(MissedRoundsUntilAbsent, 1, nameof(MissedRoundsUntilAbsent));
        AtLeast(AheadWindow, 1, nameof(AheadWindow));
        AtLeast(CatchUpLag, 2, nameof(CatchUpLag));
        AtLeast(MaxRoundsPerParticipant, AheadWindow + 4, nameof(MaxRoundsPerParticipant));
        AtLeast(MaxStrangers, 0, nameof(MaxStrangers));
        AtLeast(FetchAfter, TimeSpan.Zero, nameof(FetchAfter));
        AtLeast(GatherCount, 1, nameof(GatherCount));
        AtLeast(GatherTimeout, TimeSpan.Zero, nameof(GatherTimeout));
        if (!(DeadlineSpread >= 0) || double.IsInfinity(DeadlineSpread))
        {
            throw new ArgumentException($"{nameof(DeadlineSpread)} is {DeadlineSpread}, but must be finite and at least 0");
        }
    }

    internal static void AtLeast<T>(T value, T minimum, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(minimum) < 0)
        {
            throw new ArgumentException($"{name} is {value}, but must be at least {minimum}");
        }
    }
}
