using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Membership;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class FormingTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(16)]
    public async Task Hosts_started_at_the_same_moment_form_one_cluster(int count)
    {
        await using TestMesh mesh = new() { Patience = 2 };

        ClusterHost[] hosts = await mesh.FormAsync(count);

        Assert.All(hosts, host => Assert.Equal(HostPhase.Member, host.Snapshot.Phase));
        Assert.Single(hosts.Select(host => host.Snapshot.Leader).Distinct());
        Assert.Equal(TestMesh.Peer(0), hosts[^1].Snapshot.Oldest);
        Assert.Empty(mesh.Refused);
        Assert.Empty(mesh.Log.At(LogLevel.Error));
    }
}
