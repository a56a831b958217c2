using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

public sealed class RpcWriterTests
{
    [Fact]
    public async Task Long_bodies_take_turns_and_short_ones_go_first()
    {
        var writer = await OpenAsync();
        var long1 = new Item(1, 200_000);
        var long2 = new Item(2, 200_000);
        Assert.False(writer.Writer.Post(long1));
        Assert.False(writer.Writer.Post(long2));
        Assert.False(writer.Writer.Post(new Item(3, 10)), "ids must rise, so it waits behind those that have not begun");
        Assert.True(writer.Writer.PostControl(new RpcFrame(RpcFrameKind.Cancel, 0, 0, 99, 0, 0), []));
        ulong[] order = await writer.FlushAsync(10);
        Assert.Equal(99ul, order[0]);
        Assert.Equal([1ul, 2, 3], order.Skip(1).Distinct());
        Assert.True(Array.IndexOf(order, 3ul) < Array.LastIndexOf(order, 1ul), string.Join(' ', order));
        Assert.True(Array.IndexOf(order, 2ul) < Array.LastIndexOf(order, 1ul), string.Join(' ', order));
    }

    [Fact]
    public async Task A_short_body_leaves_at_once_and_a_queued_one_is_told_when_it_has_left()
    {
        var writer = await OpenAsync();
        var small = new Item(1, 10);
        var large = new Item(2, 100_000);
        Assert.True(writer.Writer.Post(small));
        Assert.False(writer.Writer.Post(large));
        await writer.FlushAsync(3);
        Assert.Equal(0, small.Told);
        Assert.Equal(1, large.Told);
    }

    [Fact]
    public async Task A_removed_body_is_not_read_again()
    {
        var writer = await OpenAsync();
        var large = new Item(2, 100_000);
        writer.Writer.Post(new Item(1, 65_000));
        writer.Writer.Post(large);
        Assert.True(writer.Writer.Remove(large));
        Assert.False(writer.Writer.Remove(large));
        writer.Writer.Post(new Item(3, 1));
        Assert.Equal([1, 3], await writer.FlushAsync(2));
        Assert.Equal(0, large.Told);
    }

    [Fact]
    public async Task Closing_tells_everything_that_was_queued_and_takes_nothing_more()
    {
        var writer = await OpenAsync();
        var large = new Item(2, 300_000);
        writer.Writer.Post(large);
        writer.Writer.Close();
        Assert.Equal(1, large.Told);
        Assert.False(writer.Writer.Post(new Item(3, 1)));
        await writer.Writer.RunAsync().LimitAsync("the loop to end");
    }

    [Fact]
    public async Task Control_frames_beyond_the_limit_are_told()
    {
        var writer = await OpenAsync(maxControlBytes: 4096);
        int count = 0;
        while (writer.Writer.PostControl(new RpcFrame(RpcFrameKind.Cancel, 0, 0, 1, 0, 0), []))
        {
            count++;
        }

        Assert.Equal((RpcWriter.BatchBytes + 4096) / RpcFrame.HeaderBytes, count);
    }

    private static async Task<Opened> OpenAsync(int maxControlBytes = 10_000)
    {
        var fabric = new Fabric(streamBufferBytes: 1 << 20);
        FabricNode from = fabric.AddNode(0);
        FabricNode to = fabric.AddNode(1);
        var accepted = new TaskCompletionSource<PeerStream>(TaskCreationOptions.RunContinuationsAsynchronously);
        to.Handle(RpcEndpoint.Protocol, async (stream, ct) =>
        {
            accepted.SetResult(stream);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        });
        PeerStream stream = await from.OpenStreamAsync(to.LocalPeer, RpcEndpoint.Protocol, default);
        return new Opened(new RpcWriter(stream, maxControlBytes), await accepted.Task.LimitAsync("the stream"));
    }

    private sealed record Opened(RpcWriter Writer, PeerStream Remote)
    {
        /// <summary>Starts the loop and reads the ids of the frames that it writes.</summary>
        public async Task<ulong[]> FlushAsync(int frames)
        {
            Task running = Writer.RunAsync();
            var ids = new List<ulong>();
            byte[] header = new byte[RpcFrame.HeaderBytes];
            while (ids.Count < frames)
            {
                await Remote.ReadExactlyAsync(header).LimitAsync("a frame");
                RpcFrame frame = RpcFrame.Read(header, 255);
                await Remote.ReadExactlyAsync(new byte[frame.Length]).LimitAsync("a frame's body");
                ids.Add(frame.CallId);
            }

            Writer.Close();
            await running.LimitAsync("the loop to end");
            Writer.ReturnBuffers();
            return [.. ids];
        }
    }

    private sealed class Item : RpcSend
    {
        public Item(ulong id, int length)
        {
            CallId = id;
            Load(RpcFrameKind.Request, 0, 0, new byte[length]);
        }

        public int Told { get; private set; }

        public override void OnSent() => Told++;
    }
}
