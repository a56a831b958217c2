namespace P2PLearn.Learning.Aggregation;

/// <summary>The rules by the names that a configuration uses.</summary>
/// <remarks>
/// A name is a rule, with pre-aggregators before it if wanted: "nnm+trimmed-mean", "arc+nnm+trimmed-mean", "bucketing:2+krum", "clipping:2+mean". Numbers
/// follow a colon: "clipped-gossip:tau=1", "centred-clipping:tau=2,steps=1", "size-aware-mean:cap=3,clip=2", "bucketing:2,seed=7".
/// </remarks>
public static class Aggregators
{
    /// <summary>
    /// The rule of a run that names none: of all that are here it alone keeps honest outliers and is broken by no attack of <see cref="Attacks.AttackRegistry"/> that
    /// is heard in time, with f = 4 of 11 (docs/benchmarks.md).
    /// </summary>
    public const string Default = "centred-clipping";

    /// <summary>How many parts a name may have.</summary>
    public const int MaxTerms = 4;

    /// <summary>How many characters a name may have.</summary>
    public const int MaxLength = 128;

    private const int MaxSteps = 100;

    /// <summary>The rules, the default first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        Default, "nna", "nna-quorum", "trimmed-mean", "mean", "median", "mean-around-median", "geometric-median", "krum", "multi-krum", "mda", "caf",
        "clipped-gossip", "cs-plus", "size-aware-mean",
    ];

    /// <summary>What may stand before a rule and a plus sign.</summary>
    public static IReadOnlyList<string> PreAggregatorNames { get; } = ["nnm", "arc", "bucketing", "clipping"];

    /// <summary>Makes a rule.</summary>
    /// <param name="name">One of <see cref="Names"/>, or longer as the remarks say.</param>
    /// <param name="faulty">f, how many candidates may be Byzantine; at least 0.</param>
    /// <param name="degree">How many threads may compute distances; the result does not depend on it. With 1 nothing is allocated.</param>
    /// <exception cref="ArgumentException">An unknown name, a number out of range or a negative f, in one line for the user.</exception>
    public static IAggregator Create(string name, int faulty, int degree = 1)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(degree, 1);
        if (faulty < 0)
        {
            throw new ArgumentException($"the number of Byzantine nodes is {faulty}, but cannot be negative");
        }

        AggregatorTerm[] terms = Split(name);
        IPreAggregator[] steps = [.. terms.SkipLast(1).Select(term => CreateStep(term, faulty))];
        IAggregator rule = CreateRule(terms[^1], faulty, steps.Length == 0 ? degree : 1);
        foreach (AggregatorTerm term in terms)
        {
            term.CheckAllUsed();
        }

        return steps.Length == 0 ? rule : Compose(name, steps, rule, faulty, degree);
    }

    /// <summary>What is wrong with a name, in one line, or null when <see cref="Create"/> takes it.</summary>
    public static string? FindError(string name, int faulty)
    {
        try
        {
            Create(name, faulty);
            return null;
        }
        catch (ArgumentException error)
        {
            return error.Message;
        }
    }

    /// <summary>What a round waits for when it mixes by the named rule.</summary>
    public static Heard HeardBy(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name == "nna-quorum" || name.EndsWith("+nna-quorum", StringComparison.Ordinal) ? Heard.Quorum : Heard.All;
    }

    private static AggregatorTerm[] Split(string name)
    {
        string[] parts = name.Length > MaxLength ? [] : name.Split('+');
        return parts.Length is 0 or > MaxTerms
            ? throw new ArgumentException($"an aggregator has at most {MaxLength} characters and {MaxTerms} parts")
            : [.. parts.Select(part => new AggregatorTerm(part))];
    }

    private static IPreAggregator CreateStep(AggregatorTerm term, int faulty) => term.Name switch
    {
        "nnm" => new Nnm(faulty),
        "arc" => new Arc(faulty),
        "bucketing" => new Bucketing(term.Count("", 1000) ?? throw term.Missing("bucketing:2"), term.Seed("seed")),
        "clipping" => new Clipping(term.Positive("") ?? throw term.Missing("clipping:2")),
        _ => throw new ArgumentException(
            $"unknown pre-aggregator '{term.Name}': use {string.Join(", ", PreAggregatorNames)} before a plus sign"),
    };

    private static IAggregator CreateRule(AggregatorTerm term, int faulty, int degree) => term.Name switch
    {
        "nna" => new Nna(faulty),
        "nna-quorum" => new Nna(faulty, Heard.Quorum),
        "trimmed-mean" => new TrimmedMean(faulty),
        "mean" => new Mean(),
        "median" => new Median(faulty),
        "mean-around-median" => new MeanAroundMedian(faulty),
        "geometric-median" => new GeometricMedian(faulty) { Degree = degree },
        "krum" => new Krum(faulty) { Degree = degree },
        "multi-krum" => new MultiKrum(faulty) { Degree = degree },
        "mda" when faulty > Mda.MaxFaulty => throw new ArgumentException($"mda bears at most {Mda.MaxFaulty} Byzantine nodes, not {faulty}"),
        "mda" => new Mda(faulty) { Degree = degree },
        "caf" => new Caf(faulty) { Degree = degree },
        "clipped-gossip" => new ClippedGossip(faulty, term.Positive("tau")),
        "cs-plus" => new CsPlus(faulty),
        "centred-clipping" => new CentredClipping(faulty, term.Positive("tau"), term.Count("steps", MaxSteps) ?? CentredClipping.DefaultSteps) { Degree = degree },
        "size-aware-mean" => new SizeAwareMean(faulty, Cap(term), term.Positive("clip") ?? SizeAwareMean.DefaultClip),
        _ => throw new ArgumentException($"unknown aggregator '{term.Name}': use {string.Join(", ", Names)}"),
    };

    private static double Cap(AggregatorTerm term)
    {
        double cap = term.Positive("cap") ?? SizeAwareMean.DefaultCap;
        return cap >= 1 ? cap : throw new ArgumentException("size-aware-mean: cap is at least 1");
    }

    private static IAggregator Compose(string name, IPreAggregator[] steps, IAggregator rule, int faulty, int degree)
    {
        int first = Array.FindIndex(steps, step => !step.KeepsRows);
        if (first >= 0 && (rule.UsesPivot || steps.Skip(first + 1).Any(step => step.UsesPivot)))
        {
            throw new ArgumentException($"aggregator '{name}': after bucketing nothing can look at this node's own model");
        }

        return rule switch
        {
            IDistanceRule distances => new PreAggregatedDistanceRule(name, steps, distances, faulty) { Degree = degree },
            CoordinateRule coordinates => new PreAggregatedCoordinateRule(name, steps, coordinates) { Degree = degree },
            _ => throw new System.Diagnostics.UnreachableException(rule.Name),
        };
    }
}
