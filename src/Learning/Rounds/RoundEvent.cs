namespace P2PLearn.Learning.Rounds;

/// <summary>Something that happened, told to a round machine.</summary>
public abstract record RoundEvent
{
    private protected RoundEvent()
    {
    }
}

/// <summary>The run begins here, or goes on from durable state. Told once; the participants known by then are told before it.</summary>
/// <remarks>Training begins when <see cref="RoundOptions.GatherCount"/> participants are there, after a restart too.</remarks>
/// <param name="Round">1 for a fresh run, else the round to go on with, in [1, rounds + 1].</param>
/// <param name="Committed">One's own contribution for that round, when it was made durable before the restart.</param>
public sealed record Started(int Round = 1, ContributionRef? Committed = null) : RoundEvent;

/// <summary>The membership now has this participant. Oneself is always in and need not be told.</summary>
public sealed record ParticipantJoined(Participant Participant) : RoundEvent;

/// <summary>The membership no longer has this participant; it is not waited for from now on.</summary>
public sealed record ParticipantLeft(Participant Participant) : RoundEvent;

/// <summary>The H local steps of a round are done; the half-step model is there.</summary>
public sealed record LocalStepsFinished(int Round) : RoundEvent;

/// <summary>One's own contribution is encoded, signed and durable: it may be told to others.</summary>
public sealed record Committed(ContributionRef Contribution) : RoundEvent;

/// <summary>A signed contribution is known; whether its bytes are here is not said.</summary>
public sealed record HeadKnown(ContributionRef Contribution) : RoundEvent;

/// <summary>The bytes of a signed contribution are here and have passed every check.</summary>
public sealed record ModelArrived(ContributionRef Contribution) : RoundEvent;

/// <summary>The bytes of a signed contribution are here and are no model of this run (length, layout, not finite): its maker's fault.</summary>
public sealed record ModelRefused(ContributionRef Contribution) : RoundEvent;

/// <summary>A fetch ended without the bytes: nobody had them, or not in time.</summary>
public sealed record FetchFailed(ContributionRef Contribution) : RoundEvent;

/// <summary>A mixing is carried out and the model is the result (or one's own, when nothing was applied).</summary>
/// <param name="Round">The round of the <see cref="Mix"/>.</param>
/// <param name="Outcome">What the rule did; null when it declined and the half-step model was kept.</param>
public sealed record Mixed(int Round, MixOutcome? Outcome) : RoundEvent;

/// <summary>A jump is carried out: the model is the robust choice of the contributors' models of that round.</summary>
public sealed record CaughtUp(int Round) : RoundEvent;

/// <summary>A jump could not be carried out; training goes on where it was.</summary>
public sealed record CatchUpFailed(int Round) : RoundEvent;

/// <summary>Time has come for something that was awaited. Telling it too often does no harm.</summary>
public sealed record TimePassed : RoundEvent;
