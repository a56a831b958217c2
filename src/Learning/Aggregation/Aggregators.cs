namespace P2PLearn.Learning.Aggregation;

/// <summary>The rules by the names that a configuration uses.</summary>
public static class Aggregators
{
    /// <summary>All names, the default first.</summary>
    public static IReadOnlyList<string> Names { get; } = ["nna", "nna-quorum", "trimmed-mean", "mean"];

    /// <summary>Makes a rule.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
    /// <exception cref="ArgumentException">An unknown name or a negative f, in one line for the user.</exception>
    public static IAggregator Create(string name, int faulty)
    {
        if (faulty < 0)
        {
            throw new ArgumentException($"the number of Byzantine nodes is {faulty}, but cannot be negative");
        }

        return name switch
        {
            "nna" => new Nna(faulty),
            "nna-quorum" => new Nna(faulty, Heard.Quorum),
            "trimmed-mean" => new TrimmedMean(faulty),
            "mean" => new Mean(),
            _ => throw new ArgumentException($"unknown aggregator '{name}': use {string.Join(", ", Names)}"),
        };
    }

    /// <summary>What a round waits for when it mixes by the named rule.</summary>
    public static Heard HeardBy(string name) => name == "nna-quorum" ? Heard.Quorum : Heard.All;
}
