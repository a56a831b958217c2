namespace P2PLearn.Learning.Topology;

/// <summary>Epidemic learning: in each round every node sends its model to S others, drawn anew.</summary>
/// <remarks>
/// Source: de Vos et al., NeurIPS 2023 (arXiv:2310.01972), "EL-Local". A node hears S others on average, sometimes none. It cannot check that a sender
/// drew fairly, so Byzantine nodes may push to everyone in every round.
/// </remarks>
/// <param name="nodes">n.</param>
/// <param name="fanOut">S, in [1, n − 1].</param>
/// <param name="seed">The graphs follow from it.</param>
public sealed class PushTopology(int nodes, int fanOut, ulong seed) : ITopology
{
    private readonly int _fanOut = Topologies.CheckSample("el-push", nodes, fanOut);
    private (int Round, List<int>[] Sources) _last = (-1, []);

    /// <inheritdoc/>
    public string Name => $"el-push:{_fanOut}";

    /// <inheritdoc/>
    public bool IsSymmetric => false;

    /// <inheritdoc/>
    public bool IsPushed => true;

    /// <inheritdoc/>
    public bool IsPulled => false;

    /// <inheritdoc/>
    public int Degree => _fanOut;

    /// <inheritdoc/>
    public IReadOnlyList<int> Sources(int round, int node)
    {
        if (_last.Round != round)
        {
            _last = (round, Make(round)); // kept, as the nodes of a round ask one after the other
        }

        return _last.Sources[node];
    }

    /// <summary>f itself: all of them may push to everyone.</summary>
    public int FaultySources(int byzantine, int rounds) => byzantine;

    private List<int>[] Make(int round)
    {
        var sources = Enumerable.Range(0, nodes).Select(_ => new List<int>(2 * _fanOut)).ToArray();
        for (int from = 0; from < nodes; from++)
        {
            foreach (int to in Targets(round, from))
            {
                sources[to].Add(from);
            }
        }

        return sources;
    }

    private int[] Targets(int round, int from) => Topologies.Sample(seed ^ 0x656C_2D70_7573_6820, round, from, nodes, _fanOut);
}
