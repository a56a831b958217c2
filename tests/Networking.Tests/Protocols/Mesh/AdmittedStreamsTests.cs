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
        await a.SawAsync(1);
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
        await a.SawAsync(1);
        await b.SawAsync(1);

        Assert.Equal(EndReason.NotAdmitted, error.Reason);
        Assert.Equal(text, error.Message);
        Assert.Equal([text], a.Texts);
        Assert.Equal([refusal + b.Id.ToShortString()], a.Events);
        Assert.Equal([refusal + a.Id.ToShortString()], b.Events);
        Assert.Empty(a.Streams.ConnectedPeers);
        await Within.UntilAsync(() => a.Node.Penalties.Count + b.Node.Penalties.Count >= penalties, "whoever saw the wrong proof penalizes");
        List<EndReason> broken = [.. a.Node.Penalties.ToList().Concat(b.Node.Penalties.ToList()).Select(p => p.Reason)];
        Assert.InRange(broken.Count, penalties, 2 * penalties); // one side may be told before it begins itself
        Assert.All(broken, reason => Assert.Equal(EndReason.AuthenticationFailed, reason));
    }

    [Fact]
    public async Task Peers_that_were_connected_before_are_admitted_too()
    {
        FabricNode first = _fabric.AddNode(1), second = _fabric.AddNode(2);
        _fabric.Connect(first.LocalPeer, second.LocalPeer);
        _members.Add(new Member(first, Meshes.Home, _fabric.Time));
        _members.Add(new Member(second, Meshes.Home, _fabric.Time));
        await _members[0].AdmittedAsync(_members[1]);
        await _members[1].AdmittedAsync(_members[0]);
    }

    [Fact]
    public async Task Each_connection_needs_a_proof_of_its_own_and_events_alternate()
    {
        (Member a, Member b) = Pair(Meshes.Home, Meshes.Home);
        for (int i = 1; i <= 20; i++)
        {
            if (i % 2 == 0)
            {
                _fabric.Connect(a.Id, b.Id);
            }
            else
            {
                await a.AdmitAsync(b); // only one side: the other's attempt under way would dial again after the cut
            }

            await a.SawAsync((2 * i) - 1);
            await b.SawAsync((2 * i) - 1);
            long before = _fabric.BytesSent(a.Id, b.Id);
            _fabric.Disconnect(a.Id, b.Id);
            await a.SawAsync(2 * i);
            await b.SawAsync(2 * i);
            Assert.True(before >= 79 * i, "each connection carried a proof");
            Assert.Empty(a.Streams.ConnectedPeers);
        }

        Assert.Equal(40, a.Events.Length);
        Assert.Equal(40, b.Events.Length);
        Assert.All(a.Events.Chunk(2), pair => Assert.Equal([Member.Up(b), Member.Down(b)], pair));
        Assert.All(b.Events.Chunk(2), pair => Assert.Equal([Member.Up(a), Member.Down(a)], pair));
        await Within.UntilAsync(() => a.Streams.Kept is (0, 0, _) && b.Streams.Kept is (0, 0, _), "nothing is kept of a peer that is gone");
    }

    [Fact]
    public async Task A_peer_that_is_refused_raises_no_connection_events()
    {
        (Member a, Member b) = Pair(Meshes.Home, Meshes.Home with { Name = "work" });
        _fabric.Connect(a.Id, b.Id);
        await a.SawAsync(1);
        await b.SawAsync(1);
        _fabric.Disconnect(a.Id, b.Id);
        Assert.Equal(["WrongMesh" + b.Id.ToShortString()], a.Events);
    }

    [Fact]
    public async Task Open_meshes_and_allow_lists_admit()
    {
        (Member a, Member b) = Pair(
            new MeshOptions { Name = "home", AllowedPeers = [TestPeers.Id(2)] }, new MeshOptions { Name = "home", AllowedPeers = [TestPeers.Id(1)] });
        await a.EchoesAsync(b);
        await b.EchoesAsync(a);
    }

    [Fact]
    public async Task A_peer_without_admission_is_said_to_lack_it()
    {
        Member a = Alone(Meshes.Home);
        FabricNode stranger = _fabric.AddNode(9);
        ProtocolNotSupportedException error = await Assert.ThrowsAsync<ProtocolNotSupportedException>(
            () => a.Streams.AdmitAsync(stranger.LocalPeer, default).LimitAsync("the admission"));
        Assert.Equal(AdmittedStreams.Protocol, error.Protocol);
        await Assert.ThrowsAsync<ProtocolNotSupportedException>(
            () => a.Streams.OpenStreamAsync(stranger.LocalPeer, Meshes.Echo, default).LimitAsync("the stream"));
        Assert.Empty(a.Events);
    }

    [Fact]
    public async Task An_unreachable_peer_is_said_to_be_unreachable()
    {
        Member a = Alone(Meshes.Home);
        PeerUnreachableException error = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => a.Streams.AdmitAsync(TestPeers.Id(9), default).LimitAsync("the admission"));
        Assert.Equal(EndReason.LinkLost, error.Reason);
    }

    [Fact]
    public async Task Dials_that_fail_use_up_no_proofs()
    {
        (Member a, Member b) = Pair(Meshes.Home, Meshes.Home);
        _fabric.Cut(a.Id, b.Id);
        for (int i = 0; i <= Meshes.Home.MaxProofsPerPeer; i++)
        {
            Assert.Equal(EndReason.LinkLost, (await a.RefusedAsync(b)).Reason);
            Assert.False(await b.Streams.TryAdmitAsync(a.Id, default));
        }

        _fabric.Heal(a.Id, b.Id);
        Assert.True(await a.Streams.TryAdmitAsync(b.Id, default));
        await b.AdmittedAsync(a);
        Assert.Empty(b.Node.Penalties);
    }

    [Fact]
    public async Task Penalties_and_identity_pass_through()
    {
        Member a = Alone(Meshes.Home);
        a.Streams.Penalize(TestPeers.Id(9), EndReason.WindowExceeded);
        Assert.Equal((TestPeers.Id(9), EndReason.WindowExceeded), Assert.Single(a.Node.Penalties));
        Assert.Equal(a.Id, a.Streams.LocalPeer);
        Assert.Throws<InvalidOperationException>(() => a.Streams.Handle(Meshes.Echo, (_, _) => Task.CompletedTask));
        Assert.Throws<ArgumentException>(() => new AdmittedStreams(
            a.Node, Meshes.Home with { Name = "" }, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance));
        await a.Streams.DisposeAsync();
        await a.Streams.DisposeAsync();
    }

    [Fact]
    public async Task A_caller_may_leave_and_the_proof_ends_with_the_streams()
    {
        Member a = Alone(Meshes.Home);
        FabricNode silent = _fabric.AddNode(9);
        silent.Handle(AdmittedStreams.Protocol, (_, ct) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct));
        using var leaving = new CancellationTokenSource();
        Task left = a.Streams.AdmitAsync(silent.LocalPeer, leaving.Token);
        Task stays = a.Streams.AdmitAsync(silent.LocalPeer, default);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left.LimitAsync("the caller that left"));
        Assert.False(stays.IsCompleted);
        await a.Streams.DisposeAsync().LimitAsync("disposal");
        await Assert.ThrowsAnyAsync<ObjectDisposedException>(() => stays.LimitAsync("the caller that stayed"));
        await Assert.ThrowsAnyAsync<ObjectDisposedException>(() => a.Streams.AdmitAsync(silent.LocalPeer, default).LimitAsync("a late caller"));
        await Within.UntilAsync(() => a.Streams.Kept.Epochs == 0, "nothing is kept");
    }

    private Member Alone(MeshOptions options)
    {
        _members.Add(Meshes.Add(_fabric, 1, options));
        return _members[0];
    }

    private (Member A, Member B) Pair(MeshOptions a, MeshOptions b)
    {
        _members.Add(Meshes.Add(_fabric, 1, a));
        _members.Add(Meshes.Add(_fabric, 2, b));
        return (_members[0], _members[1]);
    }
}
