using CsCheck;
using P2PLearn.Learning.Topology;

namespace P2PLearn.Learning.Tests.Topology;

public sealed class TopologyProperties
{
    private static readonly string[] Kinds = ["all", "ring", "random-regular", "changing-regular", "el-push", "rpel-pull"];

    private static readonly Gen<(string Kind, int Nodes, int Number, ulong Seed)> Cases =
        from kind in Gen.Int[0, 5].Select(i => Kinds[i])
        from nodes in Gen.Int[3, 40]
        from number in Gen.Int[2, nodes - 1]
        from seed in Gen.ULong
        select (kind, nodes, nodes % 2 != 0 && number % 2 != 0 ? number - 1 : number, seed);

    [Fact]
    public void Sources_are_others_ascending_and_the_same_for_the_same_seed() => Cases.Sample(c =>
    {
        ITopology topology = Make(c);
        ITopology again = Make(c);
        for (int node = c.Nodes - 1; node >= 0; node--)
        {
            IReadOnlyList<int> sources = topology.Sources(3, node);
            Assert.Equal(sources.Distinct().Order(), sources);
            Assert.All(sources, i => Assert.True(i >= 0 && i < c.Nodes && i != node));
            again.Sources(node + 1, 0); // asked in another order
            Assert.Equal(sources, again.Sources(3, node));
        }
    });

    [Fact]
    public void Degrees_and_symmetry_are_as_promised() => Cases.Sample(c =>
    {
        ITopology topology = Make(c);
        int[][] graph = Graph(topology, c.Nodes, 2);
        int? degree = c.Kind switch { "all" => c.Nodes - 1, "ring" => 2, "el-push" => null, _ => c.Number };
        Assert.All(graph, sources => Assert.True(degree is null || sources.Length == degree));
        Assert.Equal(degree ?? c.Number, topology.Degree);
        Assert.Equal(c.Kind == "rpel-pull", topology.IsPulled);
        if (c.Kind == "el-push")
        {
            Assert.All(Enumerable.Range(0, c.Nodes), from => Assert.Equal(c.Number, graph.Count(s => s.Contains(from))));
        }

        if (topology.IsSymmetric)
        {
            Assert.All(Enumerable.Range(0, c.Nodes), i => Assert.All(graph[i], j => Assert.Contains(i, graph[j])));
        }
    });

    [Fact]
    public void Symmetric_graphs_are_connected() => Cases.Where(c => c.Kind is not ("el-push" or "rpel-pull")).Sample(c =>
    {
        int[][] graph = Graph(Make(c), c.Nodes, 5);
        var reached = new HashSet<int> { 0 };
        for (bool grown = true; grown;)
        {
            grown = reached.ToArray().SelectMany(i => graph[i]).Where(reached.Add).ToArray().Length > 0;
        }

        Assert.Equal(c.Nodes, reached.Count);
    });

    [Theory]
    [InlineData("ring", false)]
    [InlineData("random-regular:4", false)]
    [InlineData("changing-regular:4", true)]
    [InlineData("el-push:4", true)]
    [InlineData("rpel-pull:4", true)]
    public void Graphs_change_from_round_to_round_where_they_should_and_with_the_seed(string text, bool changes)
    {
        ITopology topology = Topologies.Parse(text, 20, 1);
        Assert.Equal(text, topology.Name);
        Assert.Equal(changes, !Graph(topology, 20, 1).SelectMany(s => s).SequenceEqual(Graph(topology, 20, 2).SelectMany(s => s)));
        Assert.NotEqual(
            Graph(topology, 20, 1).SelectMany(s => s), Graph(Topologies.Parse(text, 20, 2), 20, 1).SelectMany(s => s));
    }

    [Fact]
    public void Everybody_is_pulled_from_equally_often()
    {
        ITopology topology = Topologies.Parse("rpel-pull:5", 21, 9);
        int[] counts = new int[21];
        for (int round = 1; round <= 400; round++)
        {
            foreach (int source in topology.Sources(round, 20))
            {
                counts[source]++;
            }
        }

        // Each of the 20 others a quarter of the time: 100, standard deviation 8.7.
        Assert.All(counts[..20], c => Assert.InRange(c, 60, 140));
    }

    [Fact]
    public void Byzantine_sources_are_all_or_the_most_that_can_be_outvoted_or_hypergeometric()
    {
        Assert.Equal(3, Topologies.Parse("all", 20, 1).FaultySources(3, 15));
        Assert.Equal(3, Topologies.Parse("el-push:6", 20, 1).FaultySources(3, 15));
        Assert.Equal(1, Topologies.Parse("ring", 20, 1).FaultySources(3, 15));
        Assert.Equal(2, Topologies.Parse("random-regular:5", 20, 1).FaultySources(3, 15));
        Assert.Equal(
            Hypergeometric.SmallestBound(99, 10, 20, 15 * 90, PullTopology.FailureChance),
            Topologies.Parse("rpel-pull:20", 100, 1).FaultySources(10, 15));
        Assert.Equal(
            "rpel-pull:4 against 6 Byzantine of 20 nodes: up to 4 of 4 pulled may be Byzantine within the run; pull more",
            Assert.Throws<ArgumentException>(() => Topologies.Parse("rpel-pull:4", 20, 1).FaultySources(6, 15)).Message);
    }

    [Theory]
    [InlineData("ring", 2, "all")]
    [InlineData("ring", 3, "ring")]
    [InlineData("random-regular:4", 4, "all")]
    [InlineData("random-regular:3", 7, "random-regular:4")]
    [InlineData("changing-regular:3", 5, "changing-regular:4")]
    [InlineData("changing-regular:3", 8, "changing-regular:3")]
    [InlineData("el-push:5", 5, "all")]
    [InlineData("rpel-pull:3", 1, "all")]
    [InlineData("rpel-pull:3", 7, "rpel-pull:3")]
    [InlineData("all", 1, "all")]
    public void The_nearest_topology_is_there_for_every_number_of_nodes(string text, int nodes, string nearest) =>
        Assert.Equal(nearest, Topologies.ParseNearest(text, nodes, 1).Name);

    [Theory]
    [InlineData("star", "unknown topology 'star': use all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S")]
    [InlineData("el-push", "unknown topology 'el-push': use all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S")]
    [InlineData("ring:2", "unknown topology 'ring:2': use all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S")]
    [InlineData("el-push:-1", "unknown topology 'el-push:-1': use all, ring, random-regular:K, changing-regular:K, el-push:S or rpel-pull:S")]
    [InlineData("el-push:0", "el-push:0 of 5 nodes: the number must be in [1, 4]")]
    [InlineData("rpel-pull:5", "rpel-pull:5 of 5 nodes: the number must be in [1, 4]")]
    [InlineData("random-regular:1", "random-regular:1 of 5 nodes does not exist: the degree must be in [2, 4], and one of the two numbers even")]
    [InlineData("changing-regular:3", "changing-regular:3 of 5 nodes does not exist: the degree must be in [2, 4], and one of the two numbers even")]
    public void What_cannot_be_is_refused_in_one_line(string text, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => Topologies.Parse(text, 5, 1)).Message);

    [Fact]
    public void Two_nodes_are_no_ring() =>
        Assert.Equal(
            "a ring needs 3 nodes or more, not 2",
            Assert.Throws<ArgumentException>(() => Topologies.Parse("ring", 2, 1)).Message);

    private static ITopology Make((string Kind, int Nodes, int Number, ulong Seed) c) =>
        Topologies.Parse(c.Kind is "all" or "ring" ? c.Kind : $"{c.Kind}:{c.Number}", c.Nodes, c.Seed);

    private static int[][] Graph(ITopology topology, int nodes, int round) =>
        [.. Enumerable.Range(0, nodes).Select(i => topology.Sources(round, i).ToArray())];
}
