namespace P2PLearn.Learning.Rounds;

/// <summary>Something to do, asked for by a round machine. ToString is its line in traces and logs.</summary>
public abstract record RoundEffect
{
    private protected RoundEffect()
    {
    }

    private protected static string Join(IEnumerable<ContributionRef> contributions) =>
        string.Join(' ', contributions.Select(c => c.Participant.Id));
}

/// <summary>Train H local steps, then tell <see cref="LocalStepsFinished"/>.</summary>
public sealed record TrainLocally(int Round, int Steps) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"train round {Round}, {Steps} steps";
}

/// <summary>Encode, sign and make durable the half-step model, then tell <see cref="Committed"/>.</summary>
public sealed record Commit(int Round) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"commit round {Round}";
}

/// <summary>Tell the others of one's own contribution and push them its bytes.</summary>
public sealed record Announce(ContributionRef Contribution) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"announce {Contribution}";
}

/// <summary>Tell <see cref="TimePassed"/> at this time; it takes the place of every earlier request.</summary>
public sealed record AwaitUntil(TimeSpan Time) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"await {Time.TotalSeconds:0.###}");
}

/// <summary>Get the bytes of a known contribution, then tell <see cref="ModelArrived"/>, <see cref="ModelRefused"/> or <see cref="FetchFailed"/>.</summary>
public sealed record Fetch(ContributionRef Contribution) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"fetch {Contribution}";
}

/// <summary>Mix, with one's own half-step model as pivot, then tell <see cref="Mixed"/>.</summary>
/// <param name="Round">The round.</param>
/// <param name="Contributors">By participant, one's own included; at least the rule's minimum.</param>
public sealed record Mix(int Round, IReadOnlyList<ContributionRef> Contributors) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"mix round {Round} of {Join(Contributors)}";
}

/// <summary>
/// Drop the local training under way, take the coordinate-wise robust choice (trimmed mean with the run's f) of these models, or keep one's own
/// when they are fewer than 2f + 1, then tell <see cref="CaughtUp"/> or <see cref="CatchUpFailed"/>.
/// </summary>
/// <param name="Round">The round that the models are of; training goes on with the next.</param>
/// <param name="Contributors">By participant, without oneself; at least a quorum less one.</param>
public sealed record CatchUp(int Round, IReadOnlyList<ContributionRef> Contributors) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"catch up to round {Round} of {Join(Contributors)}";
}

/// <summary>Only for Byzantine policies: make the attack's vector from these models, sign it, then tell <see cref="Committed"/>.</summary>
/// <param name="Round">The round to attack.</param>
/// <param name="Honest">The honest contributions that are here, by participant; at least one.</param>
public sealed record Forge(int Round, IReadOnlyList<ContributionRef> Honest) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"forge round {Round} of {Join(Honest)}";
}

/// <summary>Keep a finished round in the event log.</summary>
public sealed record RecordRound(RoundRecord Record) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"record {Record.Describe()}";
}

/// <summary>One participant has signed two models for one round: keep and show the proof.</summary>
public sealed record EquivocationProven(ContributionRef First, ContributionRef Second) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"equivocation {First} {Second}";
}

/// <summary>The run is over for this node.</summary>
public sealed record Finished(int LastRound) : RoundEffect
{
    /// <inheritdoc/>
    public override string ToString() => $"finished after round {LastRound}";
}
