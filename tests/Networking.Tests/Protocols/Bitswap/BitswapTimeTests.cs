using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Blocks;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Bitswap;

/// <summary>The times that streams are given, by a clock that the test drives.</summary>
public sealed class BitswapTimeTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_stream_whose_reader_is_deaf_is_given_up_after_thirty_seconds()
    {
        await using var fabric = new Fabric(streamBufferBytes: 1024);
        Block block = SomeBlocks.Create(1, 100_000);
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1, [block], time: _time);
        await using FabricNode deaf = fabric.AddNode(2);
        var opened = new TaskCompletionSource<PeerStream>(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable handler = deaf.Handle(BitswapService.Protocol, (answers, token) =>
        {
            opened.TrySetResult(answers);
            return Task.Delay(Timeout.Infinite, token);
        });
        await using PeerStream wants = await WantAsync(deaf, node, block.Cid);
        PeerStream answers = await opened.Task.LimitAsync("the stream of the answer");

        _time.Advance(TimeSpan.FromSeconds(29));
        await answers.WriteAsync(ReadOnlyMemory<byte>.Empty); // it would throw
        _time.Advance(TimeSpan.FromSeconds(2));
        await Within.UntilAsync(() => IsReset(answers), "the stream is given up");
        await Within.UntilAsync(() => node.Bitswap.LedgerOf(deaf.LocalPeer).Wants == 0, "its wants are forgotten");
    }

    [Fact]
    public async Task A_message_that_is_not_there_two_minutes_after_its_first_byte_ends_the_stream()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1, time: _time);
        await using FabricNode dripping = fabric.AddNode(2);
        await using PeerStream stream = await dripping.OpenStreamAsync(node.Id, BitswapService.Protocol, default);
        _time.Advance(TimeSpan.FromHours(1)); // a quiet one is fine
        await stream.WriteAsync(new byte[] { 100, 0 });
        await Within.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(41)); // the first may come before the byte is taken
                return IsReset(stream);
            },
            "the stream is ended");
    }

    [Fact]
    public async Task A_stream_that_was_quiet_for_five_seconds_is_replaced()
    {
        await using var fabric = new Fabric();
        await using BlockNode node = await BlockNode.CreateAsync(fabric, 1, time: _time);
        await using FabricNode peer = fabric.AddNode(2);
        int streams = 0;
        using var answered = new SemaphoreSlim(0);
        using IDisposable handler = peer.Handle(BitswapService.Protocol, async (answers, token) =>
        {
            Interlocked.Increment(ref streams);
            using var reader = new GrowingFrameReader(answers, 4 << 20, _ => { }, TimeSpan.FromMinutes(2), TimeProvider.System);
            while (await reader.ReadAsync(token) is not null)
            {
                answered.Release();
            }
        });
        await using PeerStream wants = await WantAsync(peer, node, SomeBlocks.Create(0).Cid);
        await answered.WaitAsync().LimitAsync("the first answer");
        _time.Advance(TimeSpan.FromSeconds(4));
        await AskAsync(wants, SomeBlocks.Create(1).Cid);
        await answered.WaitAsync().LimitAsync("the second answer");
        Assert.Equal(1, streams);

        for (int i = 2; i < 20 && streams == 1; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(6)); // the first may come before the end of the write before is noted
            await AskAsync(wants, SomeBlocks.Create(i).Cid);
            await answered.WaitAsync().LimitAsync("a further answer");
        }

        Assert.Equal(2, streams);
    }

    private static async Task<PeerStream> WantAsync(FabricNode from, BlockNode to, Cid cid)
    {
        PeerStream stream = await from.OpenStreamAsync(to.Id, BitswapService.Protocol, default);
        await AskAsync(stream, cid);
        return stream;
    }

    private static async Task AskAsync(PeerStream stream, Cid cid) => await FramedWriter.WriteAsync(
        stream, BitswapCodec.Write(new BitswapMessage { Wants = [new WantEntry(cid, 1, false, false, true)] }), default);

    private static bool IsReset(PeerStream stream)
    {
        try
        {
            return stream.WriteAsync(ReadOnlyMemory<byte>.Empty).AsTask() is { IsFaulted: true };
        }
        catch (IOException)
        {
            return true;
        }
    }
}
