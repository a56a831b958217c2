using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Topology;

namespace P2PLearn.Learning.Simulation;

/// <summary>Who hears whom in a simulation, attackers that push to everyone included.</summary>
internal sealed class SimulatedGraph
{
    private const int KeptRounds = 16;
    private readonly ITopology _topology;
    private readonly int _nodes;
    private readonly int _pushingFrom;
    private readonly Participant[] _names;
    private readonly Dictionary<Participant, int> _indices;
    private readonly Dictionary<int, Graph> _graphs = [];

    private SimulatedGraph(SimulationOptions options, ITopology topology)
    {
        _topology = topology;
        _nodes = options.Nodes;

        // Those who only forge push to everyone where nobody can check; those who train on flipped labels follow the protocol otherwise.
        _pushingFrom = topology.IsPushed && !AttackRegistry.Create(options.Attack).FlipsLabels ? options.HonestCount : options.Nodes;
        _names = [.. Enumerable.Range(0, _nodes).Select(i => SimulationNodes.Name(i, _nodes))];
        _indices = Enumerable.Range(0, _nodes).ToDictionary(i => _names[i]);
    }

    /// <summary>The graph; null where everybody hears everybody.</summary>
    public static SimulatedGraph? Create(SimulationOptions options) =>
        options.Topology == Topologies.All ? null : new SimulatedGraph(options, options.CreateTopology());

    /// <summary>Whether a node mixes what another sends in a round.</summary>
    public bool Hears(int round, int node, int from) => Of(round).Sources[node].Contains(from);

    /// <summary>Whether a node mixes a contribution.</summary>
    public bool Hears(int node, ContributionRef contribution) =>
        _indices.TryGetValue(contribution.Participant, out int from) && Hears(contribution.Round, node, from);

    /// <summary>Whom a node hears in a round, without itself.</summary>
    public IReadOnlySet<int> Sources(int round, int node) => Of(round).Sources[node];

    /// <summary>Who hears a node in a round, ascending.</summary>
    public IReadOnlyList<int> Listeners(int round, int from) => Of(round).Listeners[from];

    /// <summary>A node's view of the graph.</summary>
    public INeighbourhood Around(int node) => new Neighbourhood(this, node);

    private Graph Of(int round)
    {
        if (!_graphs.TryGetValue(round, out Graph? graph))
        {
            _graphs.Remove(round - KeptRounds);
            var sources = new HashSet<int>[_nodes];
            var listeners = Enumerable.Range(0, _nodes).Select(_ => new List<int>()).ToArray();
            for (int node = 0; node < _nodes; node++)
            {
                sources[node] = [.. _topology.Sources(round, node), .. Enumerable.Range(_pushingFrom, _nodes - _pushingFrom)];
                sources[node].Remove(node);
                foreach (int from in sources[node])
                {
                    listeners[from].Add(node);
                }
            }

            _graphs.Add(round, graph = new Graph(sources, listeners));
        }

        return graph;
    }

    private sealed record Graph(HashSet<int>[] Sources, List<int>[] Listeners);

    private sealed class Neighbourhood(SimulatedGraph graph, int node) : INeighbourhood
    {
        // All nodes of the simulation, whoever is there: one that is away is missing.
        public IReadOnlySet<Participant>? Sources(int round, IReadOnlyList<Participant> participants) =>
            graph.Sources(round, node).Select(i => graph._names[i]).ToHashSet();
    }
}
