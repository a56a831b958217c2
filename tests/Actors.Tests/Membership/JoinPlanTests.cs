using P2PLearn.Actors.Membership;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class JoinPlanTests
{
    private static readonly ClusterHostOptions Founder = new() { Found = true };
    private static readonly ClusterHostOptions Joiner = new() { Seeds = [TestMesh.Peer(1)] };
    private static readonly JoinView Nobody = new(KnowsPeers: true, [], [], []);
    private static readonly JoinView Alone = Nobody with { KnowsPeers = false };

    [Fact]
    public void A_founder_that_knows_nobody_founds_at_once() =>
        Assert.Equal(JoinMove.Found, new JoinPlan(Founder, wasMember: false).Next(TimeSpan.Zero, Alone));

    [Fact]
    public void A_node_without_seeds_founds_as_a_founder_does() =>
        Assert.Equal(JoinMove.Found, new JoinPlan(new ClusterHostOptions(), wasMember: false).Next(TimeSpan.Zero, Alone));

    [Fact]
    public void A_founder_that_knows_peers_looks_for_them_first_and_longer_while_they_are_about()
    {
        JoinPlan plan = new(Founder, wasMember: false);
        JoinView about = Nobody with { Reachable = [TestMesh.Peer(1)] };

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.Zero, Nobody));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(10), about));
        Assert.Equal(JoinMove.Found, plan.Next(TimeSpan.FromSeconds(20), about));
    }

    [Fact]
    public void A_founder_never_founds_beside_a_member_that_it_reaches()
    {
        JoinPlan plan = new(Founder, wasMember: false);

        Assert.Equal(JoinMove.Announce, plan.Next(TimeSpan.FromDays(1), Members(1)));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromDays(2), Blocked(2)));
    }

    [Fact]
    public void A_founder_whose_peers_are_gone_founds_after_the_margin()
    {
        JoinPlan plan = new(Founder, wasMember: false);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(4.9), Nobody));
        Assert.Equal(JoinMove.Found, plan.Next(TimeSpan.FromSeconds(5), Nobody));
    }

    [Fact]
    public void A_founder_that_was_downed_waits_much_longer_since_there_is_a_cluster()
    {
        JoinPlan plan = new(Founder, wasMember: true);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(119), Nobody));
        Assert.Equal(JoinMove.Found, plan.Next(TimeSpan.FromSeconds(120), Nobody));
    }

    [Fact]
    public void A_node_with_seeds_never_founds() =>
        Assert.Equal(JoinMove.Wait, new JoinPlan(Joiner, wasMember: false).Next(TimeSpan.FromDays(1), Nobody));

    [Fact]
    public void Who_reaches_all_announces_itself_looks_again_and_asks()
    {
        JoinPlan plan = new(Joiner, wasMember: false);

        Assert.Equal(JoinMove.Announce, plan.Next(TimeSpan.Zero, Members(1)));
        Assert.True(plan.IsAnnounced);
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.Zero, Members(1)));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(1), Members(1)));
        Assert.True(plan.IsAnnounced); // it is about to be let in
    }

    [Fact]
    public void Who_sees_another_joining_that_it_cannot_reach_takes_its_word_back()
    {
        JoinPlan plan = new(Joiner, wasMember: false);
        plan.Next(TimeSpan.Zero, Members(1));

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.Zero, Blocked(2)));
        Assert.False(plan.IsAnnounced);
        Assert.Equal(JoinMove.Announce, plan.Next(TimeSpan.FromSeconds(1), Members(1)));
    }

    [Fact]
    public void Doubts_are_waited_for_but_not_for_ever()
    {
        JoinPlan plan = new(Joiner, wasMember: false);
        JoinView doubtful = Members(1, 2) with { Doubts = [TestMesh.Peer(3)] };

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(1), doubtful));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(10.9), doubtful));
        Assert.Equal(JoinMove.Announce, plan.Next(TimeSpan.FromSeconds(11), doubtful));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(11), doubtful));
    }

    [Fact]
    public void A_doubt_that_became_sure_keeps_out_and_later_ones_are_waited_for_anew()
    {
        JoinPlan plan = new(Joiner, wasMember: false);
        JoinView doubtful = Members(1, 2) with { Doubts = [TestMesh.Peer(3)] };
        plan.Next(TimeSpan.FromSeconds(1), doubtful);

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(5), Blocked(3)));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(60), doubtful));
        Assert.Equal(JoinMove.Announce, plan.Next(TimeSpan.FromSeconds(61), Members(1)));
    }

    [Fact]
    public void Who_has_asked_stands_by_its_word_since_it_may_be_let_in_at_any_moment()
    {
        JoinPlan plan = new(Joiner, wasMember: false);
        plan.Next(TimeSpan.Zero, Members(1));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.Zero, Members(1)));

        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(1), Blocked(2)));
        Assert.True(plan.IsAnnounced);
    }

    [Fact]
    public void The_same_members_are_asked_again_only_after_a_while_and_new_ones_at_once()
    {
        JoinPlan plan = new(Joiner, wasMember: false);
        plan.Next(TimeSpan.FromSeconds(1), Members(1));

        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(1), Members(1)));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(2), Members(1)));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(3), Members(1, 2)));
        Assert.Equal(JoinMove.Wait, plan.Next(TimeSpan.FromSeconds(17), Members(2)));
        Assert.Equal(JoinMove.Ask, plan.Next(TimeSpan.FromSeconds(18), Members(2)));
    }

    [Fact]
    public void Each_blocker_is_named_once()
    {
        JoinPlan plan = new(Joiner, wasMember: false);

        Assert.Equal([TestMesh.Peer(2)], plan.News(Blocked(2)).Select(blocker => blocker.Peer));
        Assert.Equal([TestMesh.Peer(3)], plan.News(Blocked(2, 3)).Select(blocker => blocker.Peer));
        Assert.Empty(plan.News(Blocked(2)));
    }

    [Fact]
    public void Out_of_patience_is_said_once_and_counts_from_when_it_was_blocked_without_a_break()
    {
        JoinPlan plan = new(Joiner, wasMember: false);

        Assert.False(plan.IsOutOfPatience(TimeSpan.FromSeconds(10), Blocked(2)));
        Assert.False(plan.IsOutOfPatience(TimeSpan.FromSeconds(100), Members(1)));
        Assert.False(plan.IsOutOfPatience(TimeSpan.FromSeconds(110), Blocked(2)));
        Assert.False(plan.IsOutOfPatience(TimeSpan.FromSeconds(229), Blocked(2)));
        Assert.True(plan.IsOutOfPatience(TimeSpan.FromSeconds(230), Blocked(2)));
        Assert.False(plan.IsOutOfPatience(TimeSpan.FromSeconds(999), Blocked(2)));
    }

    private static JoinView Members(params int[] members)
    {
        PeerId[] peers = [.. members.Select(TestMesh.Peer)];
        return new JoinView(KnowsPeers: true, peers, peers, []);
    }

    private static JoinView Blocked(params int[] blockers) =>
        Members(1) with { Blockers = [.. blockers.Select(peer => new JoinBlocker(TestMesh.Peer(peer), "blocked"))] };
}

public sealed class JoinViewTests
{
    [Fact]
    public void Who_is_named_by_half_of_the_members_has_to_be_reached()
    {
        Assert.Equal([TestMesh.Peer(5)], JoinView.MustReach([Says(5)]));
        Assert.Equal([TestMesh.Peer(5), TestMesh.Peer(6)], JoinView.MustReach([Says(5), Says(6)]));
        Assert.Equal([TestMesh.Peer(5)], JoinView.MustReach([Says(5), Says(5), Says(6)]));
        Assert.Equal([TestMesh.Peer(5)], JoinView.MustReach([Says(5), Says(5), Says(), Says()]));
        Assert.Empty(JoinView.MustReach([Says(5), Says(), Says()]));
    }

    [Fact]
    public void Members_and_those_about_to_be_count_alike_and_nodes_outside_of_a_cluster_have_no_say()
    {
        MembersAnswer joining = new(true, [], [TestMesh.Peer(5)]);

        Assert.Equal([TestMesh.Peer(5)], JoinView.MustReach([joining, Says(5), Says()]));
        Assert.Empty(JoinView.MustReach([new MembersAnswer(false, [TestMesh.Peer(5)], [TestMesh.Peer(6)])]));
        Assert.Empty(JoinView.MustReach([]));
    }

    [Fact]
    public void Whom_a_single_member_names_is_named_but_need_not_be_reached()
    {
        MembersAnswer[] answers = [Says(5), Says(), new(true, [], [TestMesh.Peer(6)]), new(false, [TestMesh.Peer(7)], [])];

        Assert.Equal([TestMesh.Peer(5), TestMesh.Peer(6)], JoinView.Named(answers));
        Assert.Empty(JoinView.MustReach(answers));
    }

    private static MembersAnswer Says(params int[] live) => new(true, [.. live.Select(TestMesh.Peer)], []);
}

public sealed class JoiningPeersTests
{
    private readonly JoiningPeers _peers = new(TimeSpan.FromSeconds(15));

    [Fact]
    public void The_second_hears_of_the_first_and_not_the_other_way_round()
    {
        Assert.Empty(Note(1, 0));
        Assert.Equal([TestMesh.Peer(1)], Note(2, 1));
        Assert.Empty(Note(1, 2)); // repeats its word and stays first
        Assert.Equal([TestMesh.Peer(1)], Note(2, 3));
    }

    [Fact]
    public void Who_only_asks_hears_of_all_and_takes_its_own_word_back()
    {
        Note(1, 0);
        Note(2, 0);

        Assert.Equal([TestMesh.Peer(2)], Note(1, 1, isJoining: false));
        Assert.Empty(Note(2, 2));
    }

    [Fact]
    public void A_word_that_is_not_repeated_ends()
    {
        Note(1, 0);
        Assert.Equal([TestMesh.Peer(1)], Note(2, 15));
        Assert.Empty(Note(2, 15.5));
    }

    [Fact]
    public void There_is_a_bound()
    {
        for (int i = 0; i < MembersCodec.MaxPeers + 10; i++)
        {
            Note(i, 0);
        }

        Assert.Equal(MembersCodec.MaxPeers, Note(1000, 1, isJoining: false).Count);
    }

    private IReadOnlyList<PeerId> Note(int peer, double seconds, bool isJoining = true) =>
        _peers.Note(TestMesh.Peer(peer), isJoining, TimeSpan.FromSeconds(seconds));
}
