namespace P2PLearn.Learning.Rounds;

/// <summary>How an attacker follows the rounds of the honest.</summary>
public sealed record ByzantineRoundOptions
{
    /// <summary>Rounds of the run; at least 1.</summary>
    public int Rounds { get; init; } = 15;

    /// <summary>How long after the first honest contribution of a round the others are waited for. Default 1 s: below the honest nodes' shortest deadline.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a known head may stay without its model before the model is fetched. Default 0.2 s.</summary>
    public TimeSpan FetchAfter { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a forged contribution is kept back before it is told. Default 0: on time. Above the honest nodes' shortest deadline it is late.</summary>
    public TimeSpan SendAfter { get; init; }

    /// <summary>Whether nothing is ever forged or told. Default false.</summary>
    public bool Silent { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The first value that is out of range, in one line for the user.</exception>
    public void Validate()
    {
        RoundOptions.AtLeast(Rounds, 1, nameof(Rounds));
        RoundOptions.AtLeast(MaxWait, TimeSpan.Zero, nameof(MaxWait));
        RoundOptions.AtLeast(FetchAfter, TimeSpan.Zero, nameof(FetchAfter));
        RoundOptions.AtLeast(SendAfter, TimeSpan.Zero, nameof(SendAfter));
    }
}
