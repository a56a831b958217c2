using Akka.Actor;
using Akka.DistributedData;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.Actors.Replication;

namespace P2PLearn.Actors.Tests.Membership;

/// <summary>What a mesh costs that does nothing, and how long it takes to form, with the timings for home lines.</summary>
public sealed class IdleTrafficTests(ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(32)]
    public async Task Long_an_idle_node_sends_at_most_one_and_a_half_kilobytes_a_second(int count)
    {
        await using TestMesh mesh = new();
        long start = TimeProvider.System.GetTimestamp();
        ClusterHost[] hosts = [.. Enumerable.Range(0, count).Select(i => StartWithData(mesh, i))];
        await mesh.AllUpAsync(hosts);
        TimeSpan formed = TimeProvider.System.GetElapsedTime(start);
        await Task.Delay(TimeSpan.FromSeconds(15), TimeProvider.System); // what joining has stirred up settles

        (double empty, _) = await MeasureAsync(mesh, hosts, TimeSpan.FromSeconds(20));
        await FillAsync(hosts);

        (double bytes, double frames) = await MeasureAsync(mesh, hosts, TimeSpan.FromSeconds(30));

        start = TimeProvider.System.GetTimestamp();
        await mesh.AllUpAsync([.. hosts, StartWithData(mesh, count)]);
        TimeSpan joined = TimeProvider.System.GetElapsedTime(start);

        output.WriteLine(
            $"{count} members: all up after {formed.TotalSeconds:0.00} s; {empty:0} bytes a second and node, with all shards in use {bytes:0} bytes "
            + $"and {frames:0.0} frames; one more is up everywhere after {joined.TotalSeconds:0.00} s");
        Assert.InRange(bytes, 0, 1500);
    }

    private static ClusterHost StartWithData(TestMesh mesh, int index)
    {
        ReplicationStore store = new(new Ed25519Verifier());
        ClusterHostOptions options = (index == 0 ? TestMesh.Options() : TestMesh.Options(0)) with
        {
            Timings = AkkaTimings.WideArea,
            Setups = [store],
            JoinRetry = TimeSpan.FromSeconds(1),
        };
        return mesh.Start(index, options, system => system.ActorOf(ReplicationActor.Props(store), ReplicationActor.ActorName));
    }

    /// <summary>Puts an entry into every shard, and lets it get round.</summary>
    private static async Task FillAsync(ClusterHost[] hosts)
    {
        IActorRef replicator = DistributedData.Get(hosts[0].System!).Replicator;
        foreach (ContributionsKey key in ContributionsKey.Shards)
        {
            await replicator.Ask<IUpdateResponse>(
                Dsl.Update(key, ReplicatedContributions.Empty, WriteLocal.Instance, set => set), TimeSpan.FromSeconds(20));
        }

        foreach (AttestationsKey key in AttestationsKey.Shards)
        {
            await replicator.Ask<IUpdateResponse>(
                Dsl.Update(key, ReplicatedAttestations.Empty, WriteLocal.Instance, set => set), TimeSpan.FromSeconds(20));
        }

        await Task.Delay(TimeSpan.FromSeconds(15), TimeProvider.System);
    }

    private static async Task<(double Bytes, double Frames)> MeasureAsync(TestMesh mesh, ClusterHost[] hosts, TimeSpan time)
    {
        long start = TimeProvider.System.GetTimestamp();
        long bytes = Bytes(), frames = Frames();
        await Task.Delay(time, TimeProvider.System);
        double divisor = TimeProvider.System.GetElapsedTime(start).TotalSeconds * hosts.Length;
        return ((Bytes() - bytes) / divisor, (Frames() - frames) / divisor);

        long Bytes() => hosts.Sum(host => mesh.Fabric.BytesSent(host.Snapshot.Self));
        long Frames() => hosts.Sum(host => host.Counters.FramesOut);
    }
}
