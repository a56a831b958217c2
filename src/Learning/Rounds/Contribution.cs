namespace P2PLearn.Learning.Rounds;

/// <summary>How far one contribution has come.</summary>
internal enum ContributionState
{
    /// <summary>Signed head here, bytes not.</summary>
    HeadKnown,

    /// <summary>Bytes here and checked: it may be mixed.</summary>
    Arrived,

    /// <summary>Bytes here and no model of this run.</summary>
    Refused,

    /// <summary>Its maker signed another one for the same round: none of them counts.</summary>
    Equivocated,
}

/// <summary>What a telling of a contribution changed.</summary>
internal enum Noted
{
    /// <summary>Nothing: known already, or beyond what is kept.</summary>
    Nothing,

    /// <summary>It is new, or has come further.</summary>
    Advanced,

    /// <summary>It proves an equivocation that was not known.</summary>
    Equivocation,
}

/// <summary>One contribution as a node knows it.</summary>
internal sealed class Contribution(ContributionRef reference, ContributionState state, TimeSpan fetchAt)
{
    public ContributionRef Reference { get; } = reference;

    public ContributionState State { get; set; } = state;

    /// <summary>When its bytes came; meaningful once they have.</summary>
    public TimeSpan ArrivedAt { get; set; }

    /// <summary>When to fetch its bytes if they have not come by then.</summary>
    public TimeSpan FetchAt { get; set; } = fetchAt;

    /// <summary>A fetch is under way.</summary>
    public bool Fetching { get; set; }
}
