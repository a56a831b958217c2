using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Blocks;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Bitswap;

public sealed class BitswapHostileTests
{
    [Fact]
    public async Task A_frame_beyond_the_limit_is_refused_by_its_length()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1);
        await ResetsAsync(fabric, node, [0xff, 0xff, 0xff, 0x0f]); // 32 MiB
    }

    [Fact]
    public async Task A_claim_alone_costs_no_memory()
    {
        byte[] claim = [0x80, 0x80, 0x80, 0x02, 1, 2, 3]; // 4 MiB, of which three bytes come
        using var stream = new MemoryStream(claim);
        using var reader = new GrowingFrameReader(stream, 4 << 20, _ => { }, TimeSpan.FromMinutes(2), TimeProvider.System);
        await Assert.ThrowsAsync<ProtocolViolationException>(() => reader.ReadAsync(default).AsTask());
        Assert.True(reader.BufferBytes < 64 * 1024);
    }

    [Fact]
    public async Task A_message_that_drips_is_not_waited_for_without_end_but_a_quiet_stream_is()
    {
        var time = new FakeTimeProvider();
        var pipe = new Pipe();
        int arrived = 0;
        using var reader = new GrowingFrameReader(
            pipe.Reader.AsStream(), 4 << 20, bytes => Interlocked.Add(ref arrived, bytes), TimeSpan.FromMinutes(2), time);
        Task<ReadOnlyMemory<byte>?> quiet = reader.ReadAsync(default).AsTask();
        time.Advance(TimeSpan.FromHours(1));
        await pipe.Writer.WriteAsync(new byte[] { 2, 7, 7 });
        Assert.Equal(2, (await quiet.LimitAsync("the first message"))!.Value.Length);

        Task<ReadOnlyMemory<byte>?> dripping = reader.ReadAsync(default).AsTask();
        await pipe.Writer.WriteAsync(new byte[] { 100 });
        await Within.UntilAsync(() => Volatile.Read(ref arrived) == 4, "the byte is taken");
        for (int i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromSeconds(41));
        }

        ProtocolViolationException refused = await Assert.ThrowsAsync<ProtocolViolationException>(() => dripping.LimitAsync("the refusal"));
        Assert.Equal(EndReason.Timeout, refused.Reason);
    }

    [Fact]
    public async Task A_block_that_nobody_asked_for_ends_the_stream_and_is_not_kept()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1);
        await ResetsAsync(fabric, node, Frame(new BitswapMessage { Blocks = [SomeBlocks.Create(1)] }));
        Assert.Equal(0, node.Store.Stats().BlockCount);
    }

    [Fact]
    public async Task A_giant_wantlist_ends_the_stream()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1);
        Cid cid = SomeBlocks.Create(1).Cid;
        var giant = new BitswapMessage { Wants = [.. Enumerable.Repeat(new WantEntry(cid, 1, false, false, true), 5000)] };
        await ResetsAsync(fabric, node, Frame(giant));
    }

    [Fact]
    public async Task Wants_without_end_and_without_reading_the_answers_end_the_stream()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1);
        await using FabricNode flooder = fabric.AddNode(2);
        using IDisposable deaf = flooder.Handle(BitswapService.Protocol, (_, token) => Task.Delay(Timeout.Infinite, token));
        byte[] wants = Frame(new BitswapMessage { Wants = [.. SomeBlocks.List(2000, 10).Select(b => new WantEntry(b.Cid, 1, false, false, true))] });
        await using PeerStream stream = await flooder.OpenStreamAsync(node.Id, BitswapService.Protocol, default);
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                await stream.WriteAsync(wants);
            }
        }).LimitAsync("the reset");
        Assert.InRange(node.Bitswap.LedgerOf(flooder.LocalPeer).Wants, 0, new BitswapOptions().MaxWantsPerPeer);
    }

    [Fact]
    public async Task So_many_streams_of_one_peer_and_no_more()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1);
        await using FabricNode peer = fabric.AddNode(2);
        List<PeerStream> streams = [];
        for (int i = 0; i < new BitswapOptions().MaxStreamsPerPeer; i++)
        {
            streams.Add(await peer.OpenStreamAsync(node.Id, BitswapService.Protocol, default));
            Assert.Equal(0, await streams[i].ReadAsync(new byte[1]).LimitAsync("the half-close")); // it is being served
        }

        await using PeerStream oneMore = await peer.OpenStreamAsync(node.Id, BitswapService.Protocol, default);
        await Assert.ThrowsAnyAsync<IOException>(() => oneMore.ReadAsync(new byte[1]).LimitAsync("the reset"));
        streams.ForEach(s => s.Dispose());
    }

    private static async Task ResetsAsync(Fabric fabric, BlockNode node, byte[] bytes)
    {
        await using FabricNode hostile = fabric.AddNode(9);
        await using PeerStream stream = await hostile.OpenStreamAsync(node.Id, BitswapService.Protocol, default);
        await stream.WriteAsync(bytes);
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (true)
            {
                await stream.WriteAsync(new byte[] { 0 });
                await Task.Delay(1);
            }
        }).LimitAsync("the reset");
    }

    private static byte[] Frame(BitswapMessage message)
    {
        ReadOnlySpan<byte> body = BitswapCodec.Write(message).Span;
        byte[] frame = new byte[Uvarint.GetLength((ulong)body.Length) + body.Length];
        body.CopyTo(frame.AsSpan(Uvarint.Write(frame, (ulong)body.Length)));
        return frame;
    }
}
