using P2PLearn.Actors.Membership;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

/// <summary>Who stops leaves, at whatever moment; the others never have to find out that it is gone.</summary>
public sealed class LeavingTests
{
    /// <summary>On a link with delay the others have let a node in some time before it knows, and its last words travel when it is gone.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(150)]
    public Task Who_stops_as_soon_as_another_sees_it_up_is_never_called_unreachable(int delay) =>
        RepeatAsync(4, TimeSpan.FromMilliseconds(delay));

    [Theory(Explicit = true)]
    [InlineData(0)]
    [InlineData(150)]
    public Task Long_the_same_twenty_times(int delay) => RepeatAsync(20, TimeSpan.FromMilliseconds(delay));

    /// <summary>Four at a time: to make an actor system blocks a thread for a while.</summary>
    private static Task RepeatAsync(int count, TimeSpan delay) => Parallel.ForEachAsync(
        Enumerable.Range(1, count),
        new ParallelOptions { MaxDegreeOfParallelism = 4 },
        async (newcomer, _) => await StopAtOnceAsync(newcomer, delay));

    /// <param name="newcomer">Its number: the lower address of the two, which leads, is sometimes its own.</param>
    /// <param name="delay">Of the link between the two.</param>
    private static async Task StopAtOnceAsync(int newcomer, TimeSpan delay)
    {
        await using TestMesh mesh = new();
        mesh.Fabric.Slow(TestMesh.Peer(0), TestMesh.Peer(newcomer), delay);
        ClusterHost founder = mesh.Start(0, Patient(TestMesh.Options()));
        await founder.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        using ClusterSubscription changes = founder.Subscribe();
        ClusterHost host = mesh.Start(newcomer, Patient(TestMesh.Options(0)));

        await UntilAsync(changes, ClusterChangeKind.MemberUp).LimitAsync("the newcomer to be up");
        await host.StopAsync().LimitAsync("the newcomer to stop");
        await UntilAsync(changes, ClusterChangeKind.MemberRemoved).LimitAsync("the newcomer to be removed");

        Assert.Single(founder.Snapshot.Members);
    }

    private static async Task UntilAsync(ClusterSubscription changes, ClusterChangeKind kind)
    {
        await foreach (ClusterChange change in changes.Changes.ReadAllAsync())
        {
            Assert.NotEqual(ClusterChangeKind.UnreachableMember, change.Kind);
            if (change.Kind == kind)
            {
                return;
            }
        }
    }

    /// <summary>A loss would be found out far later than any leave takes.</summary>
    private static ClusterHostOptions Patient(ClusterHostOptions options) =>
        options with { Timings = options.Timings with { HeartbeatPause = TimeSpan.FromSeconds(20) }, LeaveLimit = TimeSpan.FromSeconds(30) };
}
