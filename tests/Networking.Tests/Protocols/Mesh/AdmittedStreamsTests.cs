using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

public sealed class AdmittedStreamsTests : IAsyncLifetime
{
    private readonly Fabric _fabric = new();
    private readonly List<Member> _members = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (Member member in _members)
        {
            await member.DisposeAsync();
            Assert.Empty(member.Node.HandlerFailures);
        }

        await _fabric.DisposeAsync();
    }

    [Fact]
    public async Task Two_members_admit_each_other_once_although_both_begin()
    {
        (Member a, Member b) = Pair(Meshes.Home, Meshes.Home);
        _fabric.Connect(a.Id, b.Id);
        await a.AdmittedAsync(b);
        await b.AdmittedAsync(a);
        await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(_ => new[] { a.EchoesAsync(b), b.EchoesAsync(a) }));
        await _members[0].AdmitAsync(b);

        Assert.Equal([Member.Up(b)], a.Events);
        Assert.Equal([Member.Up(a)], b.Events);
        Assert.Equal([b.Id], a.Streams.ConnectedPeers);
        Assert.Equal([a.Id], b.Streams.ConnectedPeers);
        Assert.Empty(a.Node.Penalties);
        Assert.Empty(b.Node.Penalties);
    }

    [Fact]
    public async Task A_stream_to_a_stranger_dials_proves_and_opens()
    {
        (Member a, Member b) = Pair(Meshes.Home, Meshes.Home);
        await a.EchoesAsync(b);
        Assert.Equal([Member.Up(b)], a.Events);
    }

    [Theory]
    [InlineData(AdmissionRefusal.WrongMesh, "it belongs to the mesh 'work', this node to 'home'", 0)]
    [InlineData(AdmissionRefusal.WrongVersion, "it runs another version of P2PLearn (1.0.0 expected)", 0)]
    [InlineData(AdmissionRefusal.WrongKey, "it has another mesh key", 1)]
    [InlineData(AdmissionRefusal.NotOnAllowList, "it is not on this node's allow list", 0)]
    public async Task A_peer_that_does_not_belong_is_refused_with_a_clear_line(AdmissionRefusal refusal, string text, int penalties)
    {
        MeshOptions here = Meshes.Home;
        MeshOptions there = here;
        switch (refusal)
        {
            case AdmissionRefusal.WrongMesh: there = here with { Name = "work", Key = MeshKey.Generate() }; break;
            case AdmissionRefusal.WrongVersion: there = here with { Version = "2.0.0" }; break;
            case AdmissionRefusal.WrongKey: there = here with { Key = MeshKey.Generate() }; break;
            case AdmissionRefusal.NotOnAllowList: here = here with { AllowedPeers = [TestPeers.Id(9)] }; break;
        }

        (Member a, Member b) = Pair(here, there);
        PeerUnreachableException error = await a.RefusedAsync(b);
        await b.RefusedAsync(a);

        Assert.Equal(EndReason.NotAdmitted, error.Reason);
        Assert.Equal(text, error.Message);
        Assert.Equal([text], a.Texts);
        Assert.Equal([refusal + b.Id.ToShortString()], a.Events);
        Assert.Equal([refusal + a.Id.ToShortString()], b.Events);
        Assert.Empty(a.Streams.ConnectedPeers);
        Assert.Equal(penalties * 2, a.Node.Penalties.Concat(b.Node.Penalties).Select(p => p.Reason).Count(r => r == EndReason.AuthenticationFailed));
    }

    private (Member A, Member B) Pair(MeshOptions a, MeshOptions b)
    {
        _members.Add(Meshes.Add(_fabric, 1, a));
        _members.Add(Meshes.Add(_fabric, 2, b));
        return (_members[0], _members[1]);
    }
}
