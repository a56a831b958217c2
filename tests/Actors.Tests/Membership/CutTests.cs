using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

/// <summary>Lost connections with the timings for home lines: nobody notices.</summary>
public sealed class CutTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(6)]
    public async Task A_cut_shorter_than_the_limit_is_healed_under_the_association(int seconds)
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(
            2, i => (i == 0 ? TestMesh.Options() : TestMesh.Options(0)) with { Timings = AkkaTimings.WideArea });
        using ClusterSubscription first = hosts[0].Subscribe();
        using ClusterSubscription second = hosts[1].Subscribe();
        long opened = hosts[0].Counters.Opened + hosts[1].Counters.Opened;

        if (seconds == 0)
        {
            mesh.Fabric.Disconnect(TestMesh.Peer(0), TestMesh.Peer(1));
        }
        else
        {
            mesh.Fabric.Cut(TestMesh.Peer(0), TestMesh.Peer(1));
            await Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System); // the length of the cut is what is tested
            mesh.Fabric.Heal(TestMesh.Peer(0), TestMesh.Peer(1));
        }

        try
        {
            await Within.UntilAsync(() => hosts.All(host => host.Counters.Resumed >= 1), "the membership link goes on");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{string.Join('\n', mesh.Log.Entries)}");
        }
        Assert.Equal(opened, hosts[0].Counters.Opened + hosts[1].Counters.Opened);
        Assert.Equal(0, hosts[0].Counters.Lost + hosts[1].Counters.Lost);
        foreach (ClusterSubscription subscription in (ClusterSubscription[])[first, second])
        {
            while (subscription.Changes.TryRead(out ClusterChange? change))
            {
                Assert.NotEqual(ClusterChangeKind.UnreachableMember, change.Kind);
            }
        }

        Assert.All(hosts, host => Assert.Equal(2, TestMesh.UpCount(host)));
    }
}
