namespace P2PLearn.Learning.Aggregation;

/// <summary>A step before a rule: replaces the candidates by mixtures of them that are chosen by their distances.</summary>
/// <remarks>
/// All of them are linear: y = M·x, where each row of M sums to 1. So a chain of them and a rule that looks at distances work on m × m numbers, and a
/// coordinate-wise rule gets its rows mixed block by block. Stateless and deterministic.
/// </remarks>
public interface IPreAggregator
{
    /// <summary>The name in the registry: "nnm", "arc", "bucketing:2", "clipping:2".</summary>
    string Name { get; }

    /// <summary>Whether M depends on whose pivot it is.</summary>
    bool UsesPivot { get; }

    /// <summary>Whether row i of the result still stands for candidate i; a rule that looks at the pivot needs that.</summary>
    bool KeepsRows { get; }

    /// <summary>Whether M depends on other distances than those to the pivot.</summary>
    bool UsesAllPairs { get; }

    /// <summary>How many rows come out of so many candidates.</summary>
    int CountAfter(int candidates);

    /// <summary>The fewest candidates that make <paramref name="needed"/> rows, and that the step itself needs.</summary>
    int MinCandidates(int needed);

    /// <summary>Fills M.</summary>
    /// <param name="squared">
    /// Shape [m, m], row-major; ∞ where a vector is not finite, on the diagonal too. Without <see cref="UsesAllPairs"/> only the row and the column of the
    /// pivot, and the diagonal, have to be right.
    /// </param>
    /// <param name="pivot">Row of the node's own vector, in [0, m).</param>
    /// <param name="matrix">Shape [<see cref="CountAfter"/>(m), m], all 0 on entry.</param>
    void Mix(ReadOnlySpan<double> squared, int pivot, Span<double> matrix);
}
