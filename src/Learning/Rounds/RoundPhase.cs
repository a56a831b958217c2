namespace P2PLearn.Learning.Rounds;

/// <summary>What a round machine is doing.</summary>
public enum RoundPhase
{
    /// <summary>Not told to start yet.</summary>
    Idle,

    /// <summary>Waiting for enough participants to begin, or to go on after a restart.</summary>
    Gathering,

    /// <summary>Local steps are under way.</summary>
    Training,

    /// <summary>One's own contribution is being signed and made durable.</summary>
    Committing,

    /// <summary>Waiting for the others.</summary>
    Collecting,

    /// <summary>The aggregator is at work.</summary>
    Mixing,

    /// <summary>A jump to the others is being carried out.</summary>
    CatchingUp,

    /// <summary>The run is over for this node.</summary>
    Finished,
}
