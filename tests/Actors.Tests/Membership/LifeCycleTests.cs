using Akka.Actor;
using P2PLearn.Actors.Membership;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class LifeCycleTests
{
    [Fact]
    public async Task A_graceful_leave_is_never_seen_as_unreachable()
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(3);
        using ClusterSubscription changes = hosts[0].Subscribe();

        await hosts[2].StopAsync().LimitAsync("the leaver to stop");
        await Within.UntilAsync(() => hosts[..2].All(host => host.Snapshot.Members.Count == 2), "the leaver is removed everywhere");

        Assert.Equal(HostPhase.Left, hosts[2].Snapshot.Phase);
        Assert.Contains(await KindsUntilRemovedAsync(changes, TestMesh.Peer(2)), kind => kind == ClusterChangeKind.MemberExited);
        Assert.Empty(mesh.Refused);
    }

    [Fact]
    public async Task A_member_that_is_made_to_leave_stays_out()
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(2);

        Assert.Equal(MembershipResult.Accepted, hosts[0].Leave(TestMesh.Peer(1)));
        await hosts[1].Completion.LimitAsync("the member to leave");

        Assert.Equal(HostPhase.Left, hosts[1].Snapshot.Phase);
        await Within.UntilAsync(() => hosts[0].Snapshot.Members.Count == 1, "it is removed");
        Assert.Equal(MembershipResult.UnknownMember, hosts[0].Leave(TestMesh.Peer(1)));
        Assert.Equal(MembershipResult.NotInCluster, hosts[1].Down(TestMesh.Peer(0)));
    }

    [Fact]
    public async Task A_downed_member_is_back_by_itself_with_a_fresh_incarnation_and_its_guests()
    {
        await using TestMesh mesh = new();
        List<ActorSystem> attached = [];
        ClusterHost first = mesh.Start(0, Patient(0));
        ClusterHost second = mesh.Start(1, Patient(1), attach: system => attached.Add(system));
        await mesh.AllUpAsync([first, second]);
        long uid = first.Snapshot.Find(TestMesh.Peer(1))!.Uid;

        Assert.Equal(MembershipResult.Accepted, first.Down(TestMesh.Peer(1)));

        await Within.UntilAsync(
            () => first.Snapshot.Find(TestMesh.Peer(1)) is { State: MemberState.Up } member && member.Uid != uid, "a fresh incarnation is up");
        await mesh.AllUpAsync([first, second]);
        Assert.Equal(2, attached.Count);
        Assert.Empty(mesh.Refused);
    }

    [Fact]
    public async Task A_node_that_crashed_comes_back_under_the_same_peer_id_before_anybody_missed_it()
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(3, Patient);
        long uid = hosts[0].Snapshot.Find(TestMesh.Peer(2))!.Uid;

        await mesh.CrashAsync(2, hosts[2]);
        ClusterHost again = mesh.Start(2, Patient(2));

        await mesh.AllUpAsync([hosts[0], hosts[1], again]);
        Assert.NotEqual(uid, hosts[0].Snapshot.Find(TestMesh.Peer(2))!.Uid);
    }

    [Fact]
    public async Task The_smaller_side_of_a_partition_is_removed_and_back_after_it_heals()
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(3);
        PeerId[] alone = [TestMesh.Peer(2)];
        PeerId[] rest = [TestMesh.Peer(0), TestMesh.Peer(1)];

        mesh.Fabric.Partition(alone, rest);
        await Within.UntilAsync(() => hosts[0].Snapshot.Unreachable.Any(), "the lost member is unreachable");
        ClusterMember lost = hosts[0].Snapshot.Unreachable.First();
        await Within.UntilAsync(() => hosts[0].Snapshot.Members.Count == 2, "the lost member is removed");
        await Within.UntilAsync(() => hosts[2].Snapshot.Phase is HostPhase.Rebuilding or HostPhase.Joining, "the lost member knows");
        mesh.Fabric.HealPartition(alone, rest);

        await mesh.AllUpAsync(hosts);
        Assert.Equal(TestMesh.Peer(2), lost.Peer);
        Assert.NotEmpty(lost.ObservedBy);
    }

    [Fact]
    public async Task Down_unreachable_removes_who_is_gone()
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(3, i => Patient(i) with { Timings = TestMesh.Timings with { StableAfter = TimeSpan.FromMinutes(2) } });
        await mesh.CrashAsync(2, hosts[2]);
        await Within.UntilAsync(() => hosts[0].Snapshot.Unreachable.Any(), "the crashed member is unreachable");

        Assert.Equal([TestMesh.Peer(2)], hosts[0].DownUnreachable());

        await Within.UntilAsync(() => hosts[..2].All(host => host.Snapshot.Members.Count == 2), "it is removed long before the resolver acts");
    }

    [Fact]
    public async Task A_founder_that_restarts_joins_the_others_instead_of_founding_again()
    {
        await using TestMesh mesh = new();
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            ClusterHostOptions founder = TestMesh.Options() with { MembersFile = file };
            ClusterHost[] hosts = await mesh.FormAsync(3, i => i == 0 ? founder : TestMesh.Options(0));
            await mesh.CrashAsync(0, hosts[0]);

            ClusterHost again = mesh.Start(0, founder);

            await mesh.AllUpAsync([again, hosts[1], hosts[2]]);
            Assert.NotEqual(TestMesh.Peer(0), again.Snapshot.Oldest);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task An_island_that_a_founder_made_while_it_was_cut_off_dissolves_when_the_others_are_back()
    {
        await using TestMesh mesh = new();
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            ClusterHostOptions founder = TestMesh.Options() with { MembersFile = file, IslandCheck = TimeSpan.FromMilliseconds(300) };
            ClusterHost[] hosts = await mesh.FormAsync(3, i => i == 0 ? founder : TestMesh.Options(0));
            await mesh.CrashAsync(0, hosts[0]);
            mesh.Fabric.Partition([TestMesh.Peer(0)], [TestMesh.Peer(1), TestMesh.Peer(2)]);

            ClusterHost again = mesh.Start(0, founder);
            await again.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("the founder founds an island");
            Assert.Single(again.Snapshot.Members);
            mesh.Fabric.HealPartition([TestMesh.Peer(0)], [TestMesh.Peer(1), TestMesh.Peer(2)]);

            await mesh.AllUpAsync([again, hosts[1], hosts[2]]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Nodes_wait_for_a_founder_and_never_found_themselves()
    {
        await using TestMesh mesh = new();
        ClusterHost second = mesh.Start(1, TestMesh.Options(0, 2));
        ClusterHost third = mesh.Start(2, TestMesh.Options(0, 1));

        // Both run, both reach each other; neither is a member.
        await Within.UntilAsync(
            () => mesh.Fabric.BytesSent(TestMesh.Peer(1), TestMesh.Peer(2)) > 10 && mesh.Fabric.BytesSent(TestMesh.Peer(2), TestMesh.Peer(1)) > 10,
            "both ask each other more than once");
        Assert.Empty(second.Snapshot.Members);
        Assert.Empty(third.Snapshot.Members);
        ClusterHost founder = mesh.Start(0);

        await mesh.AllUpAsync([founder, second, third]);
    }

    [Fact]
    public async Task A_slow_listener_is_cut_off_and_the_host_lives_on()
    {
        ClusterSnapshot snapshot = new() { Self = TestMesh.Peer(0) };
        List<ClusterSubscription> forgotten = [];
        using ClusterSubscription subscription = new(snapshot, forgotten.Add);
        ClusterChange change = new(ClusterChangeKind.PhaseChanged, null, DateTimeOffset.UnixEpoch, snapshot);

        for (int i = 0; i <= ClusterSubscription.Capacity; i++)
        {
            subscription.Tell(change);
        }

        Assert.Equal([subscription], forgotten);
        int count = 0;
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await foreach (ClusterChange _ in subscription.Changes.ReadAllAsync())
            {
                count++;
            }
        });
        Assert.Equal(ClusterSubscription.Capacity, count);
    }

    [Fact]
    public async Task Subscribers_hear_of_joins_in_order_with_a_state_that_is_as_new()
    {
        await using TestMesh mesh = new();
        ClusterHost first = mesh.Start(0);
        await first.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        using ClusterSubscription changes = first.Subscribe();
        ClusterHost second = mesh.Start(1);
        await mesh.AllUpAsync([first, second]);

        List<ClusterChangeKind> kinds = [];
        while (changes.Changes.TryRead(out ClusterChange? change))
        {
            if (change.Peer == TestMesh.Peer(1) && change.Kind is ClusterChangeKind.MemberJoined or ClusterChangeKind.MemberUp)
            {
                kinds.Add(change.Kind);
                Assert.NotNull(change.After.Find(TestMesh.Peer(1)));
            }
        }

        Assert.Equal([ClusterChangeKind.MemberJoined, ClusterChangeKind.MemberUp], kinds.Distinct());
        Assert.Equal([TestMesh.Peer(0), TestMesh.Peer(1)], first.Snapshot.Trainers.Order().OrderBy(peer => peer == TestMesh.Peer(1)));
        Assert.Equal("0.1.0", first.Snapshot.SelfMember!.AppVersion);
        Assert.Equal(TestMesh.Peer(0), first.Snapshot.OldestByRole[ClusterRoles.Trainer]);
    }

    private static async Task<List<ClusterChangeKind>> KindsUntilRemovedAsync(ClusterSubscription changes, PeerId peer)
    {
        List<ClusterChangeKind> kinds = [];
        await foreach (ClusterChange change in changes.Changes.ReadAllAsync())
        {
            Assert.NotEqual(ClusterChangeKind.UnreachableMember, change.Kind);
            kinds.Add(change.Kind);
            if (change.Kind == ClusterChangeKind.MemberRemoved && change.Peer == peer)
            {
                return kinds;
            }
        }

        return kinds;
    }

    /// <summary>Options under which neither the failure detector nor the resolver would act within the test.</summary>
    private static ClusterHostOptions Patient(int index) => (index == 0 ? TestMesh.Options() : TestMesh.Options(0)) with
    {
        Timings = TestMesh.Timings with { HeartbeatPause = TimeSpan.FromMinutes(2), StableAfter = TimeSpan.FromMinutes(4) },
    };
}
