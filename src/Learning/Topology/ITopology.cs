namespace P2PLearn.Learning.Topology;

/// <summary>Whose models each node mixes in each round: a directed graph for every round.</summary>
/// <remarks>Pure: the same seed, round and node give the same answer on every machine. Nodes are 0 to n − 1. Not safe for several threads, as an implementation may keep its last graph.</remarks>
public interface ITopology
{
    /// <summary>As <see cref="Topologies.Parse"/> reads it.</summary>
    string Name { get; }

    /// <summary>Whether j hears i whenever i hears j.</summary>
    bool IsSymmetric { get; }

    /// <summary>Whether the sender decides who hears it, so that a Byzantine node can make everybody hear it in every round.</summary>
    bool IsPushed { get; }

    /// <summary>Whether the receiver alone decides whom it hears, so that its draws may follow from a secret of its own.</summary>
    bool IsPulled { get; }

    /// <summary>How many sources a node has in a round; where that varies, on average.</summary>
    int Degree { get; }

    /// <summary>The nodes that a node hears in a round, ascending, without itself.</summary>
    /// <param name="round">From 1 on.</param>
    /// <param name="node">In [0, n).</param>
    IReadOnlyList<int> Sources(int round, int node);

    /// <summary>f', how many Byzantine sources the rule of a node is to guard against.</summary>
    /// <param name="byzantine">f, how many of the n nodes are Byzantine.</param>
    /// <param name="rounds">Rounds of the run.</param>
    /// <exception cref="ArgumentException">No f' that a majority outvotes is enough; one line for the user.</exception>
    int FaultySources(int byzantine, int rounds);
}
