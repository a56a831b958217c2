namespace P2PLearn.Learning.Aggregation;

/// <summary>How many contributions a node waits for before it mixes.</summary>
public enum Heard
{
    /// <summary>Everyone expected, up to a deadline: the Byzantine share of what is heard is at most f/n.</summary>
    All,

    /// <summary>The first n − f, as in MoNNA: no waiting for the silent, but a Byzantine share of up to f/(n − f).</summary>
    Quorum,
}
