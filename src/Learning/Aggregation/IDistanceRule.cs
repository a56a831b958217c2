namespace P2PLearn.Learning.Aggregation;

/// <summary>A rule that looks at nothing but distances between candidates and gives each candidate one weight.</summary>
/// <remarks>
/// For such a rule the distances can be computed once for all pivots, and an attack can be tried without touching a vector:
/// what a simulation and a line search need to be fast. With the weights of <see cref="TryWeigh"/>,
/// <see cref="CandidateMean.Write"/> gives the same bits as <see cref="IAggregator.TryAggregate"/>.
/// </remarks>
public interface IDistanceRule : IAggregator
{
    /// <summary>Whether it looks at other distances than those to the pivot.</summary>
    bool UsesAllPairs => true;

    /// <summary>Weighs the candidates as the node with the given pivot does.</summary>
    /// <param name="squaredDistances">
    /// Shape [m, m], row-major, symmetric, zero diagonal; ∞ where a vector is not finite. Without <see cref="UsesAllPairs"/> only the row and the column of
    /// the pivot, and the diagonal, have to be right.
    /// </param>
    /// <param name="pivot">Row of the node's own vector, in [0, m).</param>
    /// <param name="weights">Shape [m]; filled with weights that sum to 1; 0 = rejected.</param>
    /// <returns>False, with <paramref name="weights"/> untouched, when m is below <see cref="IAggregator.MinCandidates"/>.</returns>
    bool TryWeigh(ReadOnlySpan<double> squaredDistances, int pivot, Span<double> weights);
}
