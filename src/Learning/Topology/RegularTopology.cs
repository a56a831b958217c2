namespace P2PLearn.Learning.Topology;

/// <summary>A connected graph in which every node has K neighbours: a ring, or a random regular graph, the same in all rounds or a new one in each.</summary>
/// <remarks>
/// A ring has the nodes in an order that follows from the seed. A random regular graph is a ring with chords (node i to i ± 1 … ± K/2, and across when K is
/// odd) whose edges are swapped at random, ten times each: ab, cd → ad, cb where that keeps the graph simple; swapped on until it is
/// connected. Nothing is promised about the honest nodes alone: attackers may sit where they cut them apart.
/// </remarks>
public sealed class RegularTopology : ITopology
{
    private const int SwapsPerEdge = 10;
    private readonly int _nodes;
    private readonly int _degree;
    private readonly ulong _seed;
    private readonly bool _changes;
    private readonly bool _swaps;
    private (int Round, int[][] Graph) _last = (-1, []);

    private RegularTopology(string name, int nodes, int degree, ulong seed, bool changes, bool swaps) =>
        (Name, _nodes, _degree, _seed, _changes, _swaps) = (name, nodes, degree, seed, changes, swaps);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public bool IsSymmetric => true;

    /// <inheritdoc/>
    public bool IsPushed => false;

    /// <inheritdoc/>
    public bool IsPulled => false;

    /// <inheritdoc/>
    public int Degree => _degree;

    /// <summary>A ring.</summary>
    /// <param name="nodes">n, at least 3.</param>
    /// <param name="seed">The order follows from it.</param>
    /// <exception cref="ArgumentException">Too few nodes.</exception>
    public static RegularTopology Ring(int nodes, ulong seed)
    {
        if (nodes < 3)
        {
            throw new ArgumentException($"a ring needs 3 nodes or more, not {nodes}");
        }

        return new RegularTopology("ring", nodes, 2, seed, changes: false, swaps: false);
    }

    /// <summary>A random regular graph.</summary>
    /// <param name="nodes">n.</param>
    /// <param name="degree">K, in [2, n − 1]; n·K even.</param>
    /// <param name="seed">The graphs follow from it.</param>
    /// <param name="changes">Whether each round has another graph.</param>
    /// <exception cref="ArgumentException">There is no such graph.</exception>
    public static RegularTopology Random(int nodes, int degree, ulong seed, bool changes)
    {
        string name = changes ? "changing-regular" : "random-regular";
        if (degree < 2 || degree >= nodes || (nodes % 2 != 0 && degree % 2 != 0))
        {
            throw new ArgumentException(
                $"{name}:{degree} of {nodes} nodes does not exist: the degree must be in [2, {nodes - 1}], and one of the two numbers even");
        }

        return new RegularTopology($"{name}:{degree}", nodes, degree, seed, changes, swaps: true);
    }

    /// <inheritdoc/>
    public IReadOnlyList<int> Sources(int round, int node)
    {
        int graph = _changes ? round : 0;
        if (_last.Round != graph)
        {
            _last = (graph, Make(graph)); // kept, as the nodes of a round ask one after the other
        }

        return _last.Graph[node];
    }

    /// <summary>f, but at most K/2: more than half of the neighbours cannot be outvoted, whatever the rule.</summary>
    public int FaultySources(int byzantine, int rounds) => Math.Min(byzantine, _degree / 2);

    private int[][] Make(int round)
    {
        var random = SeededRandom.ForStream(_seed ^ 0x7265_6775_6C61_7220, (ulong)round);
        int[] seats = [.. Enumerable.Range(0, _nodes)];
        random.Shuffle(seats.AsSpan());
        List<(int A, int B)> edges = Chords(seats);
        var present = new HashSet<(int, int)>(edges.Select(Ordered));
        do
        {
            for (int i = 0; _swaps && i < SwapsPerEdge * edges.Count; i++)
            {
                TrySwap(edges, present, random);
            }
        }
        while (!IsConnected(edges));

        var graph = Enumerable.Range(0, _nodes).Select(_ => new List<int>(_degree)).ToArray();
        foreach ((int a, int b) in edges)
        {
            graph[a].Add(b);
            graph[b].Add(a);
        }

        return [.. graph.Select(neighbours => neighbours.Order().ToArray())];
    }

    private List<(int A, int B)> Chords(int[] seats)
    {
        var edges = new List<(int, int)>();
        for (int i = 0; i < _nodes; i++)
        {
            for (int step = 1; step <= _degree / 2; step++)
            {
                edges.Add((seats[i], seats[(i + step) % _nodes]));
            }

            if (_degree % 2 != 0 && i < _nodes / 2)
            {
                edges.Add((seats[i], seats[i + (_nodes / 2)]));
            }
        }

        return edges;
    }

    private static void TrySwap(List<(int A, int B)> edges, HashSet<(int, int)> present, SeededRandom random)
    {
        int first = random.NextInt32(edges.Count);
        int second = random.NextInt32(edges.Count);
        (int a, int b) = edges[first];
        (int c, int d) = random.NextInt32(2) == 0 ? edges[second] : (edges[second].B, edges[second].A);
        if (a == d || c == b || present.Contains(Ordered((a, d))) || present.Contains(Ordered((c, b))))
        {
            return;
        }

        present.Remove(Ordered((a, b)));
        present.Remove(Ordered((c, d)));
        present.Add(Ordered((a, d)));
        present.Add(Ordered((c, b)));
        edges[first] = (a, d);
        edges[second] = (c, b);
    }

    private bool IsConnected(List<(int A, int B)> edges)
    {
        ILookup<int, int> neighbours = edges.Concat(edges.Select(e => (A: e.B, B: e.A))).ToLookup(e => e.A, e => e.B);
        var reached = new HashSet<int> { 0 };
        var next = new Stack<int>(reached);
        while (next.TryPop(out int node))
        {
            foreach (int neighbour in neighbours[node].Where(reached.Add))
            {
                next.Push(neighbour);
            }
        }

        return reached.Count == _nodes;
    }

    private static (int, int) Ordered((int A, int B) edge) => edge.A < edge.B ? edge : (edge.B, edge.A);
}
