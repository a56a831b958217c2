using System.Text;

namespace P2PLearn.Learning.Rounds;

/// <summary>How a round ended.</summary>
public enum RoundOutcome
{
    /// <summary>Mixed with a quorum.</summary>
    Mixed,

    /// <summary>Mixed after the long wait with fewer than a quorum, but enough for the rule.</summary>
    BelowQuorum,

    /// <summary>No quorum: too few for the rule, or the rule declined; the half-step model was kept.</summary>
    NoQuorum,

    /// <summary>The others were far ahead: their models of this round were taken.</summary>
    CaughtUp,

    /// <summary>A contribution of one's own from an earlier life is known for this round, so none was made and nothing was mixed.</summary>
    SatOut,
}

/// <summary>A contribution that came in time.</summary>
/// <param name="Contribution">Which.</param>
/// <param name="Delay">After one's own commit; zero when it was there before.</param>
public readonly record struct Arrival(ContributionRef Contribution, TimeSpan Delay);

/// <summary>What happened in one round at one node. All lists are by participant.</summary>
public sealed record RoundRecord
{
    /// <summary>The round.</summary>
    public required int Round { get; init; }

    /// <summary>How it ended.</summary>
    public required RoundOutcome Outcome { get; init; }

    /// <summary>When its training began, on the machine's clock.</summary>
    public required TimeSpan StartedAt { get; init; }

    /// <summary>When one's own contribution was committed and waiting began; equal to <see cref="StartedAt"/> when it never was.</summary>
    public required TimeSpan CommittedAt { get; init; }

    /// <summary>When waiting ended.</summary>
    public required TimeSpan ConcludedAt { get; init; }

    /// <summary>When the model was mixed and the round was over.</summary>
    public required TimeSpan EndedAt { get; init; }

    /// <summary>Who was expected, oneself included.</summary>
    public IReadOnlyList<Participant> Expected { get; init; } = [];

    /// <summary>What was there when waiting ended, one's own included.</summary>
    public IReadOnlyList<Arrival> Arrived { get; init; } = [];

    /// <summary>Expected, and nothing came in time.</summary>
    public IReadOnlyList<Participant> Missing { get; init; } = [];

    /// <summary>Sent something that is no model of this run.</summary>
    public IReadOnlyList<Participant> Refused { get; init; } = [];

    /// <summary>Signed two models for this round: neither counts.</summary>
    public IReadOnlyList<Participant> Equivocated { get; init; } = [];

    /// <summary>Contributions for earlier rounds that came since the last record.</summary>
    public IReadOnlyList<Arrival> Late { get; init; } = [];

    /// <summary>What the rule did; null when nothing was mixed.</summary>
    public MixOutcome? Mix { get; init; }

    /// <summary>One line for traces and logs.</summary>
    public string Describe()
    {
        var text = new StringBuilder($"round {Round} {Outcome}");
        Append(text, "arrived", Arrived.Select(a => a.Contribution.Participant.Id));
        Append(text, "missing", Missing.Select(p => p.Id));
        Append(text, "refused", Refused.Select(p => p.Id));
        Append(text, "equivocated", Equivocated.Select(p => p.Id));
        Append(text, "late", Late.Select(a => $"{a.Contribution.Participant}@{a.Contribution.Round}"));
        return text.ToString();
    }

    private static void Append(StringBuilder text, string title, IEnumerable<string> names)
    {
        string joined = string.Join(' ', names);
        if (joined.Length > 0)
        {
            text.Append("; ").Append(title).Append(": ").Append(joined);
        }
    }
}
