using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.TestKit;

public sealed class FabricTests
{
    private static readonly ProtocolId Echo = new("/test/echo/1.0.0");

    [Fact]
    public void Peer_ids_repeat_and_look_like_Ed25519()
    {
        Assert.Equal(TestPeers.Id(7), TestPeers.Id(7));
        Assert.NotEqual(TestPeers.Id(7), TestPeers.Id(8));
        Assert.StartsWith("12D3KooW", TestPeers.Id(7).ToString(), StringComparison.Ordinal);
        using KeyPair key = TestPeers.Key(7);
        Assert.Equal(TestPeers.Id(7), key.PeerId);
        Assert.Equal("002408011220", Convert.ToHexString(TestPeers.Id(7).Bytes[..6]));
    }

    [Fact]
    public async Task A_stream_carries_bytes_both_ways_and_ends_after_a_half_close()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        var up = new List<PeerId>();
        b.PeerConnected += up.Add;
        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        byte[] sent = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i ^ (i >> 8) ^ (i >> 16)))];
        Task write = WriteAndCloseAsync(stream, sent);
        var received = new MemoryStream();
        await stream.CopyToAsync(received).LimitAsync("the echo");
        await write;
        Assert.Equal(sent, received.ToArray());
        Assert.Equal([a.LocalPeer], up);
        Assert.Equal(sent.Length, fabric.BytesSent(a.LocalPeer, b.LocalPeer));
        Assert.Equal(sent.Length, fabric.BytesSent(b.LocalPeer));
    }

    [Fact]
    public async Task Cutting_breaks_streams_and_dials_until_healed()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        var down = new List<PeerId>();
        a.PeerDisconnected += down.Add;
        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        Task<int> read = stream.ReadAsync(new byte[1]).AsTask();
        fabric.Cut(a.LocalPeer, b.LocalPeer);
        await Assert.ThrowsAsync<IOException>(() => read.LimitAsync("the pending read to fail"));
        await Assert.ThrowsAsync<PeerUnreachableException>(() => b.OpenStreamAsync(a.LocalPeer, Echo, default).AsTask());
        Assert.Equal([b.LocalPeer], down);
        Assert.Empty(a.ConnectedPeers);
        fabric.Heal(a.LocalPeer, b.LocalPeer);
        await using PeerStream again = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        Assert.Equal([b.LocalPeer], a.ConnectedPeers);
    }

    [Fact]
    public async Task A_blocked_dialler_uses_the_connection_that_the_other_side_made()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        a.Handle(new ProtocolId("/other"), (_, _) => Task.CompletedTask);
        fabric.BlockDial(a.LocalPeer, b.LocalPeer);
        await Assert.ThrowsAsync<PeerUnreachableException>(() => a.OpenStreamAsync(b.LocalPeer, Echo, default).AsTask());
        await using PeerStream back = await b.OpenStreamAsync(a.LocalPeer, new ProtocolId("/other"), default);
        await using PeerStream forth = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        await Assert.ThrowsAsync<ProtocolNotSupportedException>(() => b.OpenStreamAsync(a.LocalPeer, Echo, default).AsTask());
    }

    [Fact]
    public async Task A_delayed_link_delivers_when_its_clock_says_so()
    {
        var time = new FakeTimeProvider();
        await using var fabric = new Fabric(time);
        (FabricNode a, FabricNode b) = Pair(fabric);
        var arrived = new TaskCompletionSource<byte>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sink = new ProtocolId("/test/sink");
        b.Handle(sink, async (stream, ct) =>
        {
            byte[] buffer = new byte[1];
            ValueTask<int> read = stream.ReadAsync(buffer, ct);
            waiting.SetResult();
            await read;
            arrived.SetResult(buffer[0]);
        });
        fabric.Slow(a.LocalPeer, b.LocalPeer, TimeSpan.FromSeconds(1), bytesPerSecond: 1);
        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, sink, default);
        await stream.WriteAsync(new byte[] { 42 });
        await waiting.Task.LimitAsync("the reader to start");
        time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(arrived.Task.IsCompleted);
        await Within.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(0.2));
                return arrived.Task.IsCompleted;
            },
            "the byte to arrive");
        Assert.Equal(42, await arrived.Task);
    }

    [Fact]
    public async Task A_full_stream_makes_its_writer_wait_until_the_reader_reads()
    {
        await using var fabric = new Fabric(streamBufferBytes: 1024);
        (FabricNode a, FabricNode b) = Pair(fabric);
        var hold = new ProtocolId("/test/hold");
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        b.Handle(hold, async (stream, ct) =>
        {
            await go.Task.WaitAsync(ct);
            await stream.ReadExactlyAsync(new byte[4097], ct);
        });
        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, hold, default);
        ValueTask write = stream.WriteAsync(new byte[4096]);
        Assert.False(write.IsCompleted);
        go.SetResult();
        await write.LimitAsync("the write to finish");
    }

    [Fact]
    public async Task A_disposed_node_is_gone_and_may_come_back()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        await b.DisposeAsync();
        Assert.Empty(a.ConnectedPeers);
        await Assert.ThrowsAsync<IOException>(() => stream.WriteAsync(new byte[1]).AsTask());
        await Assert.ThrowsAsync<PeerUnreachableException>(() => a.OpenStreamAsync(b.LocalPeer, Echo, default).AsTask());
        fabric.AddNode(b.LocalPeer);
        fabric.Connect(a.LocalPeer, b.LocalPeer);
        Assert.Equal([b.LocalPeer], a.ConnectedPeers);
        Assert.Equal(0, fabric.OpenStreamCount(a.LocalPeer, b.LocalPeer));
    }

    [Fact]
    public async Task A_blocked_pair_meets_over_a_third_node_that_both_reach_and_breaks_with_either_leg()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        FabricNode relay = fabric.AddNode(2);
        fabric.Block(a.LocalPeer, b.LocalPeer);
        await Assert.ThrowsAsync<PeerUnreachableException>(() => a.OpenStreamAsync(b.LocalPeer, Echo, default).AsTask());

        fabric.EnableRelays();
        await using PeerStream stream = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        Assert.True(Assert.IsType<FabricStream>(stream).IsRelayed);
        Assert.Equal(relay.LocalPeer, fabric.RelayOf(a.LocalPeer, b.LocalPeer));

        fabric.Disconnect(relay.LocalPeer, b.LocalPeer);
        Assert.Empty(a.ConnectedPeers);
        await Assert.ThrowsAsync<IOException>(() => stream.WriteAsync(new byte[1]).AsTask());
        await relay.DisposeAsync();
        await Assert.ThrowsAsync<PeerUnreachableException>(() => a.OpenStreamAsync(b.LocalPeer, Echo, default).AsTask());
    }

    [Fact]
    public async Task A_relay_has_to_reach_both_and_to_be_one_of_the_named()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        fabric.AddNode(2);
        FabricNode far = fabric.AddNode(3);
        fabric.Block(a.LocalPeer, b.LocalPeer);
        fabric.Block(a.LocalPeer, far.LocalPeer);

        fabric.EnableRelays(far.LocalPeer);
        Assert.Throws<PeerUnreachableException>(() => fabric.Connect(a.LocalPeer, b.LocalPeer));
        fabric.EnableRelays(far.LocalPeer, TestPeers.Id(2));
        fabric.Connect(a.LocalPeer, b.LocalPeer);
        Assert.Equal(TestPeers.Id(2), fabric.RelayOf(a.LocalPeer, b.LocalPeer));
    }

    [Fact]
    public async Task A_pair_that_goes_direct_tells_its_relayed_streams_which_work_on()
    {
        await using var fabric = new Fabric();
        (FabricNode a, FabricNode b) = Pair(fabric);
        fabric.AddNode(2);
        fabric.Block(a.LocalPeer, b.LocalPeer);
        fabric.EnableRelays();
        await using PeerStream relayed = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        Assert.False(relayed.Superseded.IsCancellationRequested);

        fabric.GoDirect(a.LocalPeer, b.LocalPeer);

        Assert.True(relayed.Superseded.IsCancellationRequested);
        await relayed.WriteAsync(new byte[] { 7 });
        Assert.Equal(1, await relayed.ReadAsync(new byte[4]));
        await using PeerStream direct = await a.OpenStreamAsync(b.LocalPeer, Echo, default);
        Assert.False(Assert.IsType<FabricStream>(direct).IsRelayed);
    }

    private static (FabricNode A, FabricNode B) Pair(Fabric fabric)
    {
        FabricNode a = fabric.AddNode(0);
        FabricNode b = fabric.AddNode(1);
        b.Handle(Echo, async (stream, ct) =>
        {
            await stream.CopyToAsync(stream, ct);
            await stream.CloseWriteAsync(ct);
        });
        return (a, b);
    }

    private static async Task WriteAndCloseAsync(PeerStream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes);
        await stream.CloseWriteAsync(default);
    }
}
