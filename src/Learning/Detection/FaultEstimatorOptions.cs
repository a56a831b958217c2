namespace P2PLearn.Learning.Detection;

/// <summary>When a peer counts as an outlier.</summary>
public sealed record FaultEstimatorOptions
{
    /// <summary>W, the last mixings that are looked at; at least 1. Default 10.</summary>
    public int Window { get; init; } = 10;

    /// <summary>A peer is judged once it was in so many of them; at least 1. Default 5.</summary>
    public int FewestRounds { get; init; } = 5;

    /// <summary>k: far is beyond median + k spreads of the logarithms of a round's distances; above 0. Default 6.</summary>
    public double Spreads { get; init; } = 6;

    /// <summary>c: that spread counts as at least this much; at least 0. Default 0.1, ten per cent of the distance: honest models in many dimensions are almost equally far.</summary>
    public double LeastSpread { get; init; } = 0.1;

    /// <summary>A peer counts when it stood out in more than this share of the rounds it was in; in [0, 1). Default 0.5.</summary>
    public double Share { get; init; } = 0.5;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The first value that is out of range, in one line for the user.</exception>
    public void Validate()
    {
        Require(Window >= 1, nameof(Window));
        Require(FewestRounds >= 1, nameof(FewestRounds));
        Require(Spreads > 0 && double.IsFinite(Spreads), nameof(Spreads));
        Require(LeastSpread >= 0 && double.IsFinite(LeastSpread), nameof(LeastSpread));
        Require(Share is >= 0 and < 1, nameof(Share));
    }

    private static void Require(bool holds, string name)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} is out of range");
        }
    }
}
