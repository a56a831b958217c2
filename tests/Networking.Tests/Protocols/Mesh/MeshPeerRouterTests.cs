using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

public sealed class MeshPeerRouterTests
{
    [Fact]
    public async Task A_member_is_reached_through_another_member_that_knows_it()
    {
        await using Place a = await Place.ListenAsync(1, routes: true);
        await using Place b = await Place.ListenAsync(2, routes: true);
        await using Place c = await Place.ListenAsync(3, routes: true);
        await b.JoinAsync(a);
        await c.JoinAsync(a);
        Assert.False(b.Swarm.TryGetPeerRecord(c.Id, out _));

        await using PeerStream stream = await b.Streams.OpenStreamAsync(c.Id, Meshes.Echo, default).LimitAsync("the stream to c");
        await stream.WriteAsync(new byte[] { 42 });
        byte[] answer = new byte[1];
        Assert.Equal(1, await stream.ReadAsync(answer).LimitAsync("the echo of c"));

        Assert.Equal(42, answer[0]);
        Assert.Contains(c.Id, b.Streams.ConnectedPeers);
        Assert.True(b.Swarm.TryGetPeerRecord(c.Id, out ReadOnlyMemory<byte> record));
        Assert.Equal(EnvelopeCheck.Valid, PeerRecord.TryOpen(record.Span, c.Id, out _));
    }

    [Fact]
    public async Task A_peer_that_nobody_knows_is_not_found()
    {
        await using Place a = await Place.ListenAsync(1, routes: true);
        await using Place b = await Place.ListenAsync(2, routes: true);
        await b.JoinAsync(a);
        Assert.Empty(await b.Router.FindPeerAsync(TestPeers.Id(77), default).LimitAsync("the search"));
        await Assert.ThrowsAsync<PeerUnreachableException>(
            () => b.Streams.OpenStreamAsync(TestPeers.Id(77), Meshes.Echo, default).LimitAsync("the dial"));
    }

    [Fact]
    public async Task Only_a_record_that_the_peer_itself_signed_counts_and_the_newest_wins()
    {
        await using Place a = await Place.ListenAsync(1, routes: true);
        await using Place liar = await Place.ListenAsync(2);
        await using Place other = await Place.ListenAsync(3);
        await liar.JoinAsync(a);
        await other.JoinAsync(a);
        using KeyPair sought = KeyPair.FromSeed(TestPeers.Seed(50));
        byte[] old = Record(sought, 1, "/ip4/192.0.2.1/tcp/1");
        byte[] recent = Record(sought, 2, "/ip4/192.0.2.2/tcp/2");
        using KeyPair forger = KeyPair.FromSeed(TestPeers.Seed(2));
        byte[] forged = Record(forger, 9, "/ip4/192.0.2.3/tcp/3");
        byte[] lies = forged;
        liar.Rpc.Map(MeshPeerRouter.Method, (_, _) => ValueTask.FromResult(RpcPayload.Copy(lies)));
        other.Rpc.Map(MeshPeerRouter.Method, (_, _) => ValueTask.FromResult(RpcPayload.Copy(old)));

        Assert.Equal("/ip4/192.0.2.1/tcp/1", Assert.Single(await FindAsync(a, sought.PeerId)));
        lies = [1, 2, 3];
        Assert.Equal("/ip4/192.0.2.1/tcp/1", Assert.Single(await FindAsync(a, sought.PeerId)));
        lies = new byte[MeshPeerRouter.MaxRecordBytes + 1];
        Assert.Equal("/ip4/192.0.2.1/tcp/1", Assert.Single(await FindAsync(a, sought.PeerId)));
        lies = recent;
        Assert.Equal("/ip4/192.0.2.2/tcp/2", Assert.Single(await FindAsync(a, sought.PeerId)));
        Assert.True(a.Swarm.TryGetPeerRecord(sought.PeerId, out ReadOnlyMemory<byte> kept));
        Assert.Equal(recent, kept.ToArray());
    }

    [Fact]
    public async Task A_member_that_does_not_answer_holds_the_search_up_for_the_grace_only()
    {
        await using Place a = await Place.ListenAsync(1, routes: true);
        await using Place silent = await Place.ListenAsync(2);
        await using Place other = await Place.ListenAsync(3, routes: true);
        await silent.JoinAsync(a);
        await other.JoinAsync(a);
        silent.Rpc.Map(MeshPeerRouter.Method, async (_, ct) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return RpcPayload.Empty;
        });
        using KeyPair sought = KeyPair.FromSeed(TestPeers.Seed(50));
        other.Swarm.TryAddPeerRecord(Record(sought, 1, "/ip4/192.0.2.1/tcp/1"));

        Assert.Equal("/ip4/192.0.2.1/tcp/1", Assert.Single(await FindAsync(a, sought.PeerId)));
        Assert.Empty(await FindAsync(a, TestPeers.Id(77)));
    }

    [Fact]
    public async Task Records_of_this_node_and_of_known_peers_are_answered_and_other_requests_refused()
    {
        await using Place a = await Place.ListenAsync(1, routes: true);
        await using Place b = await Place.ListenAsync(2, routes: true);
        await b.JoinAsync(a);
        using (RpcPayload own = await CallAsync(b, a, a.Id.Bytes.ToArray()))
        {
            Assert.Equal(a.Swarm.LocalPeerRecord.ToProtobuf(), own.Span.ToArray());
        }

        using (RpcPayload unknown = await CallAsync(b, a, TestPeers.Id(77).Bytes.ToArray()))
        {
            Assert.Equal(0, unknown.Length);
        }

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => CallAsync(b, a, [1, 2, 3]));
        Assert.Equal(RpcStatus.InvalidArgument, error.Status);
    }

    [Fact]
    public async Task A_search_ends_with_its_caller()
    {
        await using Place a = await Place.ListenAsync(1, routes: true);
        await using Place b = await Place.ListenAsync(2, routes: true);
        await b.JoinAsync(a);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => b.Router.FindPeerAsync(TestPeers.Id(77), new CancellationToken(canceled: true)).LimitAsync("the search"));
    }

    private static Task<RpcPayload> CallAsync(Place from, Place to, byte[] request) =>
        from.Rpc.CallAsync(to.Id, MeshPeerRouter.Method, request, default).LimitAsync("the call");

    private static async Task<IEnumerable<string>> FindAsync(Place place, PeerId peer) =>
        (await place.Router.FindPeerAsync(peer, default).LimitAsync("the search")).Select(a => a.ToString());

    private static byte[] Record(KeyPair signer, ulong seq, string address) =>
        new PeerRecord(signer.PeerId, seq, [Multiaddr.Parse(address)]).Seal(signer).ToProtobuf();
}
