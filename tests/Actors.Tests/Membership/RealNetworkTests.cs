using P2PLearn.Actors.Membership;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

/// <summary>The membership plane over the real thing: TCP, Noise and yamux on loopback.</summary>
public sealed class RealNetworkTests
{
    [Fact]
    public async Task Three_hosts_form_a_cluster_over_swarms_and_one_leaves_and_one_is_downed_and_back()
    {
        TestLog log = new();
        Swarm[] swarms = [.. Enumerable.Range(0, 3).Select(i => new Swarm(new SwarmOptions { Identity = KeyPair.FromSeed(TestPeers.Seed(i)) }))];
        ClusterHost[] hosts = [];
        try
        {
            foreach (Swarm swarm in swarms)
            {
                await swarm.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), CancellationToken.None).LimitAsync("listening");
            }

            Introduce(swarms);
            hosts = [.. swarms.Select((swarm, i) => new ClusterHost(
                i == 0 ? TestMesh.Options() : TestMesh.Options(0), swarm, TimeProvider.System, log))];
            Array.ForEach(hosts, host => host.Start());
            await Within.UntilAsync(() => hosts.All(host => TestMesh.UpCount(host) == 3), "three members");

            long uid = hosts[0].Snapshot.Find(TestPeers.Id(1))!.Uid;
            Assert.Equal(MembershipResult.Accepted, hosts[0].Down(TestPeers.Id(1)));
            await Within.UntilAsync(
                () => hosts[0].Snapshot.Find(TestPeers.Id(1)) is { State: MemberState.Up, IsReachable: true } back && back.Uid != uid,
                "the downed member is back");
            await hosts[2].StopAsync().LimitAsync("a graceful leave");
            await Within.UntilAsync(() => hosts[..2].All(host => TestMesh.UpCount(host) == 2), "two members");

            Assert.All(hosts, host => Assert.Equal(0, host.Counters.RefusedFrames + host.Counters.RefusedOrigins));
        }
        finally
        {
            await Task.WhenAll(hosts.Select(host => host.AbortAsync())).LimitAsync("the hosts to stop");
            foreach (Swarm swarm in swarms)
            {
                await swarm.DisposeAsync().LimitAsync("the swarm to stop");
            }
        }
    }

    private static void Introduce(Swarm[] swarms)
    {
        foreach (Swarm swarm in swarms)
        {
            foreach (Swarm other in swarms.Where(other => other != swarm))
            {
                swarm.AddAddresses(other.LocalPeer, other.ListenAddresses);
            }
        }
    }
}
