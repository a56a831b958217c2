using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>The gate on garbage: once warm, reading and writing allocate nothing per operation.</summary>
[Collection(nameof(YamuxAllocationTests))]
[CollectionDefinition(nameof(YamuxAllocationTests), DisableParallelization = true)]
public sealed class YamuxAllocationTests
{
    private const int MessageBytes = 4096;
    private const int Operations = 5000;
    private static readonly YamuxOptions SteadyWindow = new() { MaxWindowBytes = YamuxReceiveWindow.InitialBytes };
    private const long AllowedBytesPerOperation = 32; // slack for the thread pool and the test's own state machines

    [Fact]
    public async Task Small_messages_back_and_forth_allocate_nothing()
    {
        await using var pair = new YamuxPair(RingLink.CreatePair(), SteadyWindow);
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        Task echo = Task.Run(() => EchoAsync(theirs, pair.Token), pair.Token);
        var message = new byte[MessageBytes];
        await TalkAsync(mine, message, Operations, pair.Token);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await TalkAsync(mine, message, Operations, pair.Token);
        long perOperation = (GC.GetTotalAllocatedBytes(precise: true) - before) / (4 * Operations); // two writes, two reads
        Assert.True(perOperation <= AllowedBytesPerOperation, $"{perOperation} bytes allocated per read or write");
        await mine.CloseWriteAsync(pair.Token);
        await echo;
    }

    [Fact]
    public async Task One_way_bulk_allocates_nothing()
    {
        await using var pair = new YamuxPair(RingLink.CreatePair(), SteadyWindow);
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        Task drain = Task.Run(() => DrainAsync(theirs, pair.Token), pair.Token);
        var message = new byte[MessageBytes];
        await WriteManyAsync(mine, message, Operations, pair.Token);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await WriteManyAsync(mine, message, 4 * Operations, pair.Token);
        long perOperation = (GC.GetTotalAllocatedBytes(precise: true) - before) / (4 * Operations);
        Assert.True(perOperation <= AllowedBytesPerOperation, $"{perOperation} bytes allocated per write");
        await mine.CloseWriteAsync(pair.Token);
        await drain;
    }

    private static async Task TalkAsync(MuxedStream stream, byte[] message, int times, CancellationToken token)
    {
        for (int i = 0; i < times; i++)
        {
            await stream.WriteAsync(message, token);
            int read = 0;
            while (read < message.Length)
            {
                read += await stream.ReadAsync(message.AsMemory(read), token);
            }
        }
    }

    private static async Task WriteManyAsync(MuxedStream stream, byte[] message, int times, CancellationToken token)
    {
        for (int i = 0; i < times; i++)
        {
            await stream.WriteAsync(message, token);
        }
    }

    private static async Task EchoAsync(MuxedStream stream, CancellationToken token)
    {
        var buffer = new byte[MessageBytes];
        int read;
        while ((read = await stream.ReadAsync(buffer, token)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), token);
        }
    }

    private static async Task DrainAsync(MuxedStream stream, CancellationToken token)
    {
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, token) > 0)
        {
        }
    }
}
