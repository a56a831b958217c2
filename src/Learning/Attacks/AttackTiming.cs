namespace P2PLearn.Learning.Attacks;

/// <summary>When a Byzantine participant speaks.</summary>
public enum AttackTiming
{
    /// <summary>As soon as it has heard the honest: its vector is there before anybody mixes.</summary>
    OnTime,

    /// <summary>So late that a round whose honest nodes are on time is over; see <see cref="Rounds.ByzantineRoundOptions.SendAfter"/>.</summary>
    Late,

    /// <summary>Never, while it stays a member that the others wait for.</summary>
    Never,
}
