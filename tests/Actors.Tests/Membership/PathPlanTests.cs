using CsCheck;
using P2PLearn.Actors.Membership;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class PathPlanTests
{
    private static readonly PeerId[] Sorted = [.. TestPeers.List(12).Order()];
    private static readonly PeerId Lowest = Sorted[0];
    private readonly PathPlan _plan = new(new PathOptions { MaxDials = 2 }, Lowest, new Random(1));

    [Fact]
    public void The_lower_of_two_dials_at_once_and_the_other_a_little_later()
    {
        PathPlan higher = new(new PathOptions(), Sorted[1], new Random(1));

        Assert.Equal([Sorted[1]], _plan.Look([Lowest, Sorted[1]], [], TimeSpan.Zero).Dial);
        Assert.Empty(higher.Look([Lowest, Sorted[1]], [], TimeSpan.Zero).Dial);
        Assert.InRange(higher.NextLook!.Value, TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(0.6));
        Assert.Equal([Lowest], higher.Look([Lowest, Sorted[1]], [], TimeSpan.FromSeconds(0.6)).Dial);
    }

    [Fact]
    public void Connected_members_are_left_alone()
    {
        Assert.Empty(_plan.Look(Sorted, Sorted[1..], TimeSpan.Zero).Dial);
        Assert.Null(_plan.NextLook);
    }

    [Fact]
    public void Dials_at_the_same_time_are_bounded()
    {
        Assert.Equal(2, _plan.Look(Sorted, [], TimeSpan.Zero).Dial.Count);
        Assert.Empty(_plan.Look(Sorted, [], TimeSpan.FromSeconds(10)).Dial);
        _plan.Dialled(Sorted[1], succeeded: true, TimeSpan.FromSeconds(10));
        Assert.Single(_plan.Look(Sorted, [Sorted[1]], TimeSpan.FromSeconds(10)).Dial);
    }

    [Fact]
    public void A_failure_is_news_once_pauses_double_and_the_connection_is_news_again()
    {
        PeerId[] members = [Lowest, Sorted[1]];
        TimeSpan now = TimeSpan.Zero;
        double last = 0;
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal([Sorted[1]], _plan.Look(members, [], now).Dial);
            Assert.Equal(i == 0, _plan.Dialled(Sorted[1], succeeded: false, now));
            double pause = (_plan.NextLook!.Value - now).TotalSeconds;
            double expected = Math.Min(0.5 * Math.Pow(2, i), 15);
            Assert.InRange(pause, expected * 0.75, expected * 1.25);
            Assert.True(expected >= last);
            last = expected;
            now = _plan.NextLook!.Value;
        }

        Assert.Equal([Sorted[1]], _plan.WithoutPath);
        Assert.Equal([Sorted[1]], _plan.Look(members, [Sorted[1]], now).Restored);
        Assert.Empty(_plan.WithoutPath);
        Assert.Empty(_plan.Look(members, [Sorted[1]], now).Restored);
        Assert.Equal([Sorted[1]], _plan.Look(members, [], now).Dial); // lost again: a new story, at once
    }

    [Fact]
    public void Who_is_no_member_any_more_is_forgotten_even_while_it_is_dialled()
    {
        _plan.Look([Lowest, Sorted[1]], [], TimeSpan.Zero);
        Assert.Empty(_plan.Look([Lowest], [], TimeSpan.Zero).Restored);

        Assert.False(_plan.Dialled(Sorted[1], succeeded: false, TimeSpan.Zero));
        Assert.Empty(_plan.WithoutPath);
        Assert.Equal(2, _plan.Look(Sorted, [], TimeSpan.Zero).Dial.Count); // the dial no longer counts
    }

    [Fact]
    public void Whatever_happens_dials_stay_bounded_and_every_missing_member_is_dialled_again() =>
        Gen.Select(Gen.Int[1, 11], Gen.Int[0, 3]).List[1, 100].Sample(steps =>
        {
            PathPlan plan = new(new PathOptions { MaxDials = 3 }, Sorted[5], new Random(1));
            HashSet<PeerId> connected = [];
            List<PeerId> dialing = [];
            TimeSpan now = TimeSpan.Zero;
            foreach ((int peer, int what) in steps)
            {
                now += TimeSpan.FromMilliseconds(200);
                _ = what switch
                {
                    0 => connected.Add(Sorted[peer]),
                    1 => connected.Remove(Sorted[peer]),
                    _ => dialing.Count > 0 && End(what == 2),
                };
                dialing.AddRange(plan.Look(Sorted, connected, now).Dial);
                Assert.True(dialing.Count <= 3);
                Assert.Equal(dialing.Count, dialing.Distinct().Count());
            }

            while (dialing.Count > 0)
            {
                End(false);
            }

            for (int i = 0; i < 12; i++)
            {
                now += TimeSpan.FromMinutes(1);
                dialing.AddRange(plan.Look(Sorted, connected, now).Dial);
                while (dialing.Count > 0)
                {
                    connected.Add(dialing[0]);
                    End(true);
                }
            }

            Assert.All(Sorted, peer => Assert.True(peer == Sorted[5] || connected.Contains(peer)));

            bool End(bool succeeded)
            {
                PeerId peer = dialing[0];
                dialing.RemoveAt(0);
                plan.Dialled(peer, succeeded, now);
                return true;
            }
        });
}

public sealed class MemberPathsTests
{
    [Fact]
    public async Task A_lost_connection_is_redialled_and_what_cannot_be_is_said_once()
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0), b = fabric.AddNode(1);
        using MembersProtocol server = new(b, TimeProvider.System, (_, _) => new MembersAnswer(false, [], []));
        TestLog log = new();
        await using MemberPaths paths = new(new PathOptions(), a, new StreamReachability(a), TimeProvider.System, log.CreateLogger("paths"));
        paths.Start();
        paths.Keep([TestMesh.Peer(0), TestMesh.Peer(1)]);
        await Within.UntilAsync(() => a.ConnectedPeers.Count == 1, "the first dial");

        fabric.Disconnect(TestMesh.Peer(0), TestMesh.Peer(1));
        await Within.UntilAsync(() => a.ConnectedPeers.Count == 1, "the redial");
        Assert.Equal(0, paths.LostCount);

        fabric.Cut(TestMesh.Peer(0), TestMesh.Peer(1));
        await Within.UntilAsync(() => paths.DialCount >= 4 && paths.WithoutPath.Count == 1, "two dials that fail");
        Assert.Equal(1, paths.LostCount);
        fabric.Heal(TestMesh.Peer(0), TestMesh.Peer(1));
        await Within.UntilAsync(() => paths.RestoredCount == 1, "the path is back");

        Assert.Empty(paths.WithoutPath);
        Assert.Equal(2, log.Entries.Count);
    }

    [Fact]
    public async Task A_pair_that_is_blocked_is_connected_over_a_relay()
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0), b = fabric.AddNode(1);
        fabric.AddNode(2);
        using MembersProtocol server = new(b, TimeProvider.System, (_, _) => new MembersAnswer(false, [], []));
        fabric.Block(TestMesh.Peer(0), TestMesh.Peer(1));
        fabric.EnableRelays();
        await using MemberPaths paths = new(new PathOptions(), a, new StreamReachability(a), TimeProvider.System, new TestLog().CreateLogger("paths"));
        paths.Start();

        paths.Keep([TestMesh.Peer(1)]);

        await Within.UntilAsync(() => fabric.RelayOf(TestMesh.Peer(0), TestMesh.Peer(1)) == TestMesh.Peer(2), "a relayed path");
        Assert.Equal(0, paths.LostCount);
    }
}
