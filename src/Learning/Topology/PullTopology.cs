namespace P2PLearn.Learning.Topology;

/// <summary>Robust pull-based epidemic learning: in each round every node asks S others, drawn anew, for their models.</summary>
/// <remarks>
/// Source: El Mrini, Farhadkhani, Guerraoui, 2025 (arXiv:2510.08311). A Byzantine node can push to everyone but cannot make anybody pull from it, so how many of
/// them a node hears is hypergeometric, and the rule may guard against an f' far below f.
/// </remarks>
/// <param name="nodes">n.</param>
/// <param name="fanIn">S, in [1, n − 1].</param>
/// <param name="seed">The graphs follow from it.</param>
public sealed class PullTopology(int nodes, int fanIn, ulong seed) : ITopology
{
    /// <summary>δ, the largest chance that is taken of any honest node in any round hearing more than f' Byzantine ones.</summary>
    public const double FailureChance = 0.01;

    private readonly int _fanIn = Topologies.CheckSample("rpel-pull", nodes, fanIn);

    /// <inheritdoc/>
    public string Name => $"rpel-pull:{_fanIn}";

    /// <inheritdoc/>
    public bool IsSymmetric => false;

    /// <inheritdoc/>
    public bool IsPushed => false;

    /// <inheritdoc/>
    public bool IsPulled => true;

    /// <inheritdoc/>
    public int Degree => _fanIn;

    /// <inheritdoc/>
    public IReadOnlyList<int> Sources(int round, int node) => Topologies.Sample(seed ^ 0x7270_656C_7075_6C6C, round, node, nodes, _fanIn);

    /// <summary>The smallest f' that suffices for all honest nodes and rounds together but for a chance of <see cref="FailureChance"/>.</summary>
    public int FaultySources(int byzantine, int rounds)
    {
        int draws = (int)Math.Min(int.MaxValue, (long)rounds * (nodes - byzantine));
        int faulty = Hypergeometric.SmallestBound(nodes - 1, byzantine, _fanIn, draws, FailureChance);
        if (2 * faulty > _fanIn)
        {
            throw new ArgumentException(
                $"{Name} against {byzantine} Byzantine of {nodes} nodes: up to {faulty} of {_fanIn} pulled may be Byzantine within the run; pull more");
        }

        return faulty;
    }
}
