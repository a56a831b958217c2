using P2PLearn.Actors.Membership;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class GossipHasteTests
{
    private readonly GossipHaste _haste = new();

    [Fact]
    public void Akka_has_an_order_to_gossip() => Assert.NotNull(GossipHaste.Tick);

    [Fact]
    public void An_idle_cluster_is_in_no_haste() => Assert.False(_haste.IsHasty(TimeSpan.FromSeconds(1)));

    [Fact]
    public void A_change_is_spread_in_haste_until_all_are_up_and_it_is_calm()
    {
        Note(10, MemberState.Up, MemberState.Joining);
        Assert.True(Hasty(15));
        Note(16, MemberState.Up, MemberState.Up);
        Assert.True(Hasty(17.9));
        Assert.False(Hasty(18));
    }

    [Fact]
    public void A_member_that_is_stuck_does_not_cost_for_ever_and_the_next_change_is_new()
    {
        Note(10, MemberState.Up, MemberState.WeaklyUp);
        Note(35, MemberState.Up, MemberState.WeaklyUp);
        Assert.True(Hasty(39.9));
        Assert.False(Hasty(40));
        Note(50, MemberState.Up, MemberState.Up);
        Assert.True(Hasty(51));
    }

    private void Note(double now, params MemberState[] members) => _haste.Note(members, TimeSpan.FromSeconds(now));

    private bool Hasty(double now) => _haste.IsHasty(TimeSpan.FromSeconds(now));
}
