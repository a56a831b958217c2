using System.Text.Json.Nodes;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>How a node finds the others beside a seed that is a member.</summary>
public sealed class FindingTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(NodeModes.Bootstrap)]
    [InlineData(NodeModes.Relay)]
    public async Task Members_meet_through_a_helper_that_is_no_member(string mode)
    {
        await using var mesh = new TestMesh();
        string helper = await mesh.FoundAsync("helper", mesh.Member("helper", null) with { Mode = mode, Found = false });
        mesh.Start("a", mesh.Member("a", helper) with { Found = true });
        mesh.Start("b", mesh.Member("b", helper));
        mesh.Start("c", mesh.Member("c", helper));

        await UpAsync(mesh, 3, "a", "b", "c");

        Assert.Empty(mesh.Events<MembersChanged>("helper"));
        JsonNode nat = JsonNode.Parse((await Cli.RunAsync(Limit, "nat", "--json", "--data-dir", mesh.Folders["helper"])).Output)!;
        Assert.Equal(3, nat["peers"]!.AsArray().Count(p => (bool)p!["isMember"]!));
        Assert.Equal(mode == NodeModes.Relay, nat["relaying"] is not null);
    }

    [Fact]
    public async Task A_restarted_node_finds_the_mesh_though_all_its_seeds_are_dead()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        mesh.Start("b", mesh.Member("b", seed));
        NodeOptions options = mesh.Member("c", seed);
        mesh.Start("c", options);
        await UpAsync(mesh, 3, "a", "b", "c");
        await mesh["c"].StopAsync(Limit);
        await mesh["a"].StopAsync(Limit);
        await UpAsync(mesh, 1, "b");

        mesh.Start("c", options);

        await UpAsync(mesh, 2, "b", "c");
    }

    private static Task UpAsync(TestMesh mesh, int up, params string[] names) => mesh.UntilAsync(
        () => names.All(n => mesh.Events<MembersChanged>(n).LastOrDefault()?.Up == up),
        () => string.Join(", ", names.Select(n => $"{n} {mesh.Events<MembersChanged>(n).LastOrDefault()?.Up} up")));
}
