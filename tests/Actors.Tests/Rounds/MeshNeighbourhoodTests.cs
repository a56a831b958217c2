using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Topology;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Rounds;

public sealed class MeshNeighbourhoodTests
{
    private const ulong Seed = 7;
    private static readonly RunId Run = RunId.FromBytes(new byte[32]);
    private static readonly RunId OtherRun = RunId.FromBytes([1, .. new byte[31]]);
    private static readonly Participant[] Everybody = Participants(12);

    [Theory]
    [InlineData("ring")]
    [InlineData("random-regular:4")]
    [InlineData("changing-regular:4")]
    [InlineData("el-push:4")]
    public void Both_ends_have_the_graph_of_the_runs_seed(string topology)
    {
        ITopology graph = Topologies.Parse(topology, Everybody.Length, Seed);
        for (int i = 0; i < Everybody.Length; i++)
        {
            MeshNeighbourhood node = Of(topology, i);
            foreach (int round in (int[])[3, 1, 2, 3])
            {
                Assert.Equal(graph.Sources(round, i).Select(j => Everybody[j]), node.Sources(round, Everybody)!.Order());
            }
        }
    }

    [Fact]
    public void Whom_a_node_pulls_from_follows_from_its_secret_alone()
    {
        string[] own = Draws(Of("rpel-pull:3", 0));
        Assert.Equal(own, Draws(Of("rpel-pull:3", 0)));
        Assert.Equal(own, Draws(Of("rpel-pull:3", 0, seed: Seed + 1)));
        Assert.NotEqual(own, Draws(Of("rpel-pull:3", 0, secretOf: 1)));
        Assert.NotEqual(own, Draws(Of("rpel-pull:3", 0, run: OtherRun)));

        // What everybody can work out from the run's seed is something else.
        ITopology known = Topologies.Parse("rpel-pull:3", Everybody.Length, Seed);
        Assert.NotEqual(own, Enumerable.Range(1, own.Length).Select(round => string.Join(' ', known.Sources(round, 0).Select(j => Everybody[j].Id))));
    }

    [Fact]
    public void A_node_pulls_from_others_in_each_round_and_from_all_equally_often()
    {
        const int Rounds = 400;
        MeshNeighbourhood node = Of("rpel-pull:3", 5);
        IReadOnlySet<Participant>[] rounds = [.. Enumerable.Range(1, Rounds).Select(round => node.Sources(round, Everybody)!)];
        Assert.All(rounds, sources => Assert.Equal(3, sources.Count));
        Assert.DoesNotContain(Everybody[5], rounds.SelectMany(s => s));
        Assert.InRange(rounds.Skip(1).Zip(rounds, (b, a) => a.SetEquals(b) ? 1 : 0).Sum(), 0, 20); // one of 165 sets; the mean is 2.4

        // Each of the 11 others in 3 of 11 rounds: 109, standard deviation 8.9.
        Assert.All(Everybody.Where(p => p != Everybody[5]), p => Assert.InRange(rounds.Count(s => s.Contains(p)), 65, 155));
    }

    [Fact]
    public void One_secret_for_each_key_and_run_the_same_after_a_restart()
    {
        using KeyPair first = TestPeers.Key(1);
        using KeyPair again = KeyPair.FromSeed(TestPeers.Seed(1));
        using KeyPair second = TestPeers.Key(2);
        byte[] secret = MeshNeighbourhood.DeriveSecret(first, Run);
        Assert.Equal(32, secret.Length);
        Assert.Equal(secret, MeshNeighbourhood.DeriveSecret(again, Run));
        Assert.NotEqual(secret, MeshNeighbourhood.DeriveSecret(first, OtherRun));
        Assert.NotEqual(secret, MeshNeighbourhood.DeriveSecret(second, Run));
    }

    [Theory]
    [InlineData("ring", 2)]
    [InlineData("ring", 3)]
    [InlineData("random-regular:3", 3)]
    [InlineData("changing-regular:4", 5)]
    [InlineData("el-push:3", 2)]
    [InlineData("rpel-pull:3", 1)]
    [InlineData("rpel-pull:3", 4)]
    public void With_too_few_for_the_topology_everybody_is_mixed(string topology, int count) =>
        Assert.Null(Of(topology, 0).Sources(1, Everybody[..count]));

    [Fact]
    public void Newcomers_and_leavers_give_another_graph_on_which_both_ends_agree()
    {
        foreach (string topology in (string[])["ring", "random-regular:3", "changing-regular:4"])
        {
            foreach (Participant[] there in (Participant[][])[Everybody, Everybody[..^1], [.. Everybody[..3], .. Everybody[5..]], Participants(13)])
            {
                var graph = there.ToDictionary(p => p, p => Of(topology, Array.IndexOf(there, p), among: there).Sources(4, there)!);
                Assert.All(graph, pair => Assert.All(pair.Value, other => Assert.Contains(pair.Key, graph[other])));
                int degree = topology switch { "ring" => 2, "random-regular:3" when there.Length % 2 == 0 => 3, _ => 4 }; // an odd number of nodes has no graph of degree 3
                Assert.All(graph.Values, sources => Assert.Equal(degree, sources.Count));
            }
        }
    }

    [Fact]
    public void Who_is_not_there_has_no_neighbours() =>
        Assert.Throws<ArgumentException>(() => Of("ring", 0).Sources(1, Everybody[1..]));

    private static string[] Draws(MeshNeighbourhood node) =>
        [.. Enumerable.Range(1, 20).Select(round => string.Join(' ', node.Sources(round, Everybody)!.Order().Select(p => p.Id)))];

    private static MeshNeighbourhood Of(
        string topology, int index, ulong seed = Seed, int? secretOf = null, RunId? run = null, Participant[]? among = null)
    {
        using KeyPair key = TestPeers.Key(secretOf ?? index);
        return new MeshNeighbourhood(topology, (among ?? Everybody)[index], seed, MeshNeighbourhood.DeriveSecret(key, run ?? Run));
    }

    private static Participant[] Participants(int count) => [.. TestPeers.List(count).Select(p => p.ToParticipant()).Order()];
}
