using P2PLearn.Actors.Membership;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class JoinPlanTests
{
    private static readonly ClusterHostOptions Founder = new() { Found = true };
    private static readonly ClusterHostOptions Joiner = new() { Seeds = [TestMesh.Peer(1)] };

    [Fact]
    public void A_founder_that_knows_nobody_founds_at_once() =>
        Assert.Equal(JoinMove.Found, new JoinPlan(Founder, wasMember: false).Next(TimeSpan.Zero, knowsPeers: false, []));

    [Fact]
    public void A_node_without_seeds_founds_as_a_founder_does() =>
        Assert.Equal(JoinMove.Found, new JoinPlan(new ClusterHostOptions(), wasMember: false).Next(TimeSpan.Zero, knowsPeers: false, []));

    [Fact]
    public void A_founder_that_knows_peers_looks_for_them_first()
    {
        JoinPlan plan = new(Founder, wasMember: false);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.Zero, knowsPeers: true, []));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(1), knowsPeers: true, [TestMesh.Peer(1)]));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(10), knowsPeers: true, [TestMesh.Peer(1)]));
        Assert.Equal(JoinMove.Found, plan.Next(TimeSpan.FromSeconds(20), knowsPeers: true, [TestMesh.Peer(1)]));
    }

    [Fact]
    public void A_founder_whose_peers_are_gone_founds_after_the_margin()
    {
        JoinPlan plan = new(Founder, wasMember: false);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(4.9), knowsPeers: true, []));
        Assert.Equal(JoinMove.Found, plan.Next(TimeSpan.FromSeconds(5), knowsPeers: true, []));
    }

    [Fact]
    public void A_founder_that_was_downed_waits_much_longer_since_there_is_a_cluster()
    {
        JoinPlan plan = new(Founder, wasMember: true);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(119), knowsPeers: true, []));
        Assert.Equal(JoinMove.Found, plan.Next(TimeSpan.FromSeconds(120), knowsPeers: true, []));
    }

    [Fact]
    public void A_node_with_seeds_never_founds()
    {
        JoinPlan plan = new(Joiner, wasMember: false);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromDays(1), knowsPeers: true, []));
    }

    [Fact]
    public void The_same_peers_are_asked_again_only_after_a_while_and_new_ones_at_once()
    {
        JoinPlan plan = new(Joiner, wasMember: false);

        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(1), knowsPeers: true, [TestMesh.Peer(1)]));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(2), knowsPeers: true, [TestMesh.Peer(1)]));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(3), knowsPeers: true, [TestMesh.Peer(1), TestMesh.Peer(2)]));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(17), knowsPeers: true, [TestMesh.Peer(2)]));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(18), knowsPeers: true, [TestMesh.Peer(2)]));
    }
}
