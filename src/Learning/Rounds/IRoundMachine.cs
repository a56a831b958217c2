namespace P2PLearn.Learning.Rounds;

/// <summary>A pure state machine that takes a node through the rounds of a run.</summary>
/// <remarks>
/// No vectors, clock, randomness, thread or I/O inside: the same events at the same times give the same effects. Not safe for several
/// threads. The time is any clock that does not run backwards, e.g. since the node started.
/// </remarks>
public interface IRoundMachine
{
    /// <summary>The round under way; the last one once finished.</summary>
    int Round { get; }

    /// <summary>What is being done.</summary>
    RoundPhase Phase { get; }

    /// <summary>Takes an event.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="now">The time; a time before the last one counts as the last one.</param>
    /// <returns>What to do, in this order.</returns>
    IReadOnlyList<RoundEffect> Step(RoundEvent happened, TimeSpan now);

    /// <summary>Whether the model of a contribution may still be used, so that its bytes are to be kept.</summary>
    bool Wants(ContributionRef contribution);
}
